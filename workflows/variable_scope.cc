#include "workflows/variable_scope.h"

#include <fmt/format.h>

#include <algorithm>
#include <unordered_map>

namespace sluice::workflows {
namespace {

bool starts_name(char c) {
  return ((c | 0x20) >= 'a' && (c | 0x20) <= 'z') || c == '_' ||
         static_cast<unsigned char>(c) >= 0x80;
}

// What is wrong with a variable's name; empty if nothing is.
std::string name_fault(std::string_view name) {
  if (name == "states")
    return "the variable \"states\" is the language's own and cannot be assigned";
  const bool identifier =
      !name.empty() && starts_name(name[0]) &&
      std::ranges::all_of(name, [](char c) { return starts_name(c) || (c >= '0' && c <= '9'); });
  if (!identifier)
    return fmt::format(
        "{} cannot be a variable's name: expected letters, digits and \"_\", and no digit first; "
        "what is inside of a variable cannot be assigned alone",
        in_quotes(name));
  const auto characters = static_cast<std::size_t>(std::ranges::count_if(
      name, [](char c) { return (static_cast<unsigned char>(c) & 0xC0U) != 0x80U; }));
  if (characters > variable_characters_max)
    return fmt::format("a variable's name has at most {} characters, not {}",
                       variable_characters_max, characters);
  return {};
}

}  // namespace

VariableScopes::Index VariableScopes::open(Index around, StateIndex parent) {
  scopes_.push_back({around, parent, {}});
  return scopes_.size() - 1;
}

void VariableScopes::assign(ParseContext& context, Index scope, StateIndex by,
                            QueryLanguage language, const Json& object, std::string_view pointer) {
  std::vector<Assigned>& assigned = scopes_[scope].assigned;
  for (const auto& [key, value] : object.items()) {
    std::string_view name = key;
    if (language == QueryLanguage::jsonpath && name.ends_with(".$")) name.remove_suffix(2);
    std::string place = fmt::format("{}/{}", pointer, pointer_token(key));
    if (std::string fault = name_fault(name); !fault.empty()) {
      context.problem(std::move(place), std::move(fault));
    } else {
      assigned.push_back({std::string(name), std::move(place), by});
    }
  }
}

void VariableScopes::check(ParseContext& context) const {
  using Names = std::unordered_map<std::string_view, std::vector<const Assigned*>>;
  std::vector<Names> names(scopes_.size());
  for (std::size_t i = 0; i < scopes_.size(); ++i)
    for (const Assigned& each : scopes_[i].assigned) {
      auto& same = names[i][each.name];
      // Two are enough to have one that is not the Parallel or Map in question.
      if (same.empty() || (same.size() == 1 && same[0]->by != each.by)) same.push_back(&each);
    }
  for (const Scope& inner : scopes_) {
    for (const Assigned& each : inner.assigned) {
      StateIndex parent = inner.parent;
      for (Index outer = inner.around; outer != none; outer = scopes_[outer].around) {
        const auto found = names[outer].find(each.name);
        const Assigned* other = nullptr;
        if (found != names[outer].end())
          for (const Assigned* one : found->second)
            if (one->by != parent && other == nullptr) other = one;
        parent = scopes_[outer].parent;
        if (other == nullptr) continue;
        context.problem(each.pointer,
                        fmt::format("the variable {} is assigned around this state already, at {}; "
                                    "what runs inside can read it but not assign it: choose "
                                    "another name",
                                    in_quotes(each.name), other->pointer));
        break;
      }
    }
  }
}

}  // namespace sluice::workflows
