#include "base/result.h"

namespace sluice {

std::string_view to_string(Errc code) {
  switch (code) {
    case Errc::bad_json:
      return "bad_json";
    case Errc::invalid_argument:
      return "invalid_argument";
    case Errc::invalid_definition:
      return "invalid_definition";
    case Errc::not_found:
      return "not_found";
    case Errc::conflict:
      return "conflict";
    case Errc::stale_token:
      return "stale_token";
    case Errc::too_large:
      return "too_large";
    case Errc::overloaded:
      return "overloaded";
    case Errc::unavailable:
      return "unavailable";
    case Errc::disk_full:
      return "disk_full";
    case Errc::storage_failed:
      return "storage_failed";
    case Errc::outcome_unknown:
      return "outcome_unknown";
    case Errc::unsupported:
      return "unsupported";
  }
  return "unknown";
}

}  // namespace sluice
