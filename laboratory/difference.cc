#include "laboratory/difference.h"

#include <fmt/format.h>

#include "workflows/evaluation.h"

namespace sluice::laboratory {
namespace {

constexpr std::size_t shown_bytes_max = 200;

std::string shown(const Json& value) { return workflows::excerpt(value, shown_bytes_max); }

// As deep as the documents nest, which is bounded where they are let in.
void collect(const Json& expected, const Json& got, const std::string& pointer,
             std::vector<std::string>& lines) {
  const auto add = [&](const std::string& place, const std::string& e, const std::string& g) {
    if (lines.size() < differences_max)
      lines.push_back(fmt::format("{}: expected {}, got {}", place, e, g));
  };
  if (expected == got) return;
  if (expected.is_object() && got.is_object()) {
    for (const auto& [name, value] : expected.items()) {
      const std::string place = pointer + "/" + pointer_token(name);
      const auto member = got.find(name);
      if (member == got.end())
        add(place, shown(value), "nothing");
      else
        collect(value, *member, place, lines);
    }
    for (const auto& [name, value] : got.items())
      if (!expected.contains(name))
        add(pointer + "/" + pointer_token(name), "nothing", shown(value));
    return;
  }
  if (expected.is_array() && got.is_array()) {
    for (std::size_t i = 0; i < std::max(expected.size(), got.size()); ++i) {
      const std::string place = fmt::format("{}/{}", pointer, i);
      if (i >= got.size())
        add(place, shown(expected[i]), "nothing");
      else if (i >= expected.size())
        add(place, "nothing", shown(got[i]));
      else
        collect(expected[i], got[i], place, lines);
    }
    return;
  }
  add(pointer, shown(expected), shown(got));
}

}  // namespace

std::vector<std::string> differences(const Json& expected, const Json& got) {
  std::vector<std::string> lines;
  collect(expected, got, "", lines);
  return lines;
}

}  // namespace sluice::laboratory
