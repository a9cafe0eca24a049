#include "orchestrator/wait_kind.h"

namespace sluice::orchestrator {

std::string_view to_string(WaitKind kind) {
  switch (kind) {
    case WaitKind::message:
      return "message";
    case WaitKind::delay:
      return "delay";
    case WaitKind::gate:
      return "gate";
    case WaitKind::lock:
      return "lock";
    case WaitKind::capacity:
      return "capacity";
    case WaitKind::token:
      return "token";
    case WaitKind::event:
      return "event";
    case WaitKind::http:
      return "http";
    case WaitKind::children:
      return "children";
    case WaitKind::child_run:
      return "child_run";
    case WaitKind::continuation:
      return "continuation";
    case WaitKind::operator_:
      return "operator";
  }
  return "unknown";
}

}  // namespace sluice::orchestrator
