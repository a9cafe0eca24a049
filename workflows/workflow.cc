#include "workflows/workflow.h"

namespace sluice::workflows {

std::string_view to_string(StateType type) {
  switch (type) {
    case StateType::task:
      return "Task";
    case StateType::pass:
      return "Pass";
    case StateType::choice:
      return "Choice";
    case StateType::wait:
      return "Wait";
    case StateType::succeed:
      return "Succeed";
    case StateType::fail:
      return "Fail";
    case StateType::parallel:
      return "Parallel";
    case StateType::map:
      return "Map";
  }
  SLUICE_CHECK(false, "a state type");
}

StateIndex Machine::find(std::string_view name) const {
  for (std::size_t i = 0; i < states.size(); ++i) {
    if (states[i].name == name) return static_cast<StateIndex>(i);
  }
  return no_state;
}

std::string canonical_text(std::string_view text) {
  std::string out;
  out.reserve(text.size());
  bool in_string = false;
  for (std::size_t i = 0; i < text.size(); ++i) {
    const char c = text[i];
    if (in_string) {
      out += c;
      if (c == '\\' && i + 1 < text.size()) {
        out += text[++i];
      } else if (c == '"') {
        in_string = false;
      }
    } else if (c != ' ' && c != '\t' && c != '\n' && c != '\r') {
      out += c;
      in_string = c == '"';
    }
  }
  return out;
}

}  // namespace sluice::workflows
