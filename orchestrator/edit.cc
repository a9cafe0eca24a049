#include "orchestrator/edit.h"

#include <array>
#include <string>

#include "base/json_text.h"

namespace sluice::orchestrator {
namespace {

constexpr std::array<std::string_view, 6> operations = {"add",  "remove", "replace",
                                                        "move", "copy",   "test"};

struct Refused {
  explicit Refused(std::string text) : why(std::move(text)) {}
  std::string why;
};

const Json* member(const Json& object, const char* name) {
  const auto at = object.find(name);
  return at == object.end() ? nullptr : &*at;
}

bool is_text(const Json* value) { return value != nullptr && value->is_string(); }

bool is_pointer(const Json* value) {
  if (!is_text(value)) return false;
  const auto& text = value->get_ref<const std::string&>();
  return text.empty() || text.front() == '/';
}

// What the library takes for granted, or passes over in silence: that the place of a change lies in
// an object or an array.
void change(Json& document, const Json& operation) {
  const Json::json_pointer place(operation["path"].get_ref<const std::string&>());
  if (!place.empty() && !document.at(place.parent_pointer()).is_structured())
    throw Refused(place.to_string() + " does not lie in an object or an array");
  document.patch_inplace(Json::array({operation}));
}

void apply_operation(Json& document, const Json& operation) {
  if (operation["op"] != "move") return change(document, operation);
  // A removal and an addition, as RFC 6902 has it: the former may change what the latter finds.
  const std::string &from = operation["from"].get_ref<const std::string&>(),
                    &path = operation["path"].get_ref<const std::string&>();
  if (path.size() > from.size() && path.starts_with(from) && path[from.size()] == '/')
    throw Refused("it would move " + from + " into itself");
  Json value = document.at(Json::json_pointer(from));
  change(document, Json{{"op", "remove"}, {"path", from}});
  change(document, Json{{"op", "add"}, {"path", path}, {"value", std::move(value)}});
}

}  // namespace

Status check_patch(const Json& document, const std::string& pointer) {
  Error error{Errc::invalid_argument, "the JSON Patch is at fault", {}};
  const auto problem = [&](const std::string& where, std::string detail) {
    error.problems.push_back({pointer + where, std::move(detail)});
  };
  if (!document.is_array() || document.empty() || document.size() > patch_operations_max) {
    problem("", "expected a list of 1 to " + std::to_string(patch_operations_max) +
                    " operations (RFC 6902)");
    return error;
  }
  for (std::size_t i = 0; i < document.size(); ++i) {
    const Json& operation = document[i];
    const std::string where = "/" + std::to_string(i);
    if (!operation.is_object()) {
      problem(where, "expected an operation, such as {\"op\": \"remove\", \"path\": \"/a\"}");
      continue;
    }
    const Json* op = member(operation, "op");
    if (!is_text(op) || std::find(operations.begin(), operations.end(),
                                  op->get_ref<const std::string&>()) == operations.end()) {
      problem(where + "/op", "expected add, remove, replace, move, copy or test");
      continue;
    }
    const auto& name = op->get_ref<const std::string&>();
    if (!is_pointer(member(operation, "path")))
      problem(where + "/path", "expected a JSON Pointer, such as \"/order/id\"");
    if ((name == "move" || name == "copy") && !is_pointer(member(operation, "from")))
      problem(where + "/from", "expected a JSON Pointer, such as \"/order/id\"");
    if ((name == "add" || name == "replace" || name == "test") &&
        member(operation, "value") == nullptr)
      problem(where + "/value", "is missing");
  }
  if (!error.problems.empty()) return error;
  return ok();
}

Result<Doc> edited(const Doc& input, const Edit& edit, std::size_t bytes_max) {
  const auto too_large = [&] {
    return make_error(Errc::too_large, "the edited input is larger than the payload limit of " +
                                           std::to_string(bytes_max) + " bytes");
  };
  Json document = input.json();
  if (edit.merge) {
    document.merge_patch(edit.document);
  } else {
    // One after the other: a few copies of copies would make a document of any size.
    for (std::size_t i = 0; i < edit.document.size(); ++i) {
      const Json& operation = edit.document[i];
      std::string refusal;
      // The library tells a patch that does not apply by throwing.
      try {
        apply_operation(document, operation);
      } catch (const Refused& refused) {
        refusal = refused.why;
      } catch (const Json::exception& refused) {
        refusal = refused.what();
        if (const auto at = refusal.find("] "); at != std::string::npos) refusal.erase(0, at + 2);
      }
      if (!refusal.empty())
        return Error{Errc::invalid_argument,
                     "the patch does not apply: operation " + std::to_string(i) + ": " + refusal,
                     {{"/patch/" + std::to_string(i), refusal}}};
      if (operation["op"] == "copy" && to_text(document).size() > bytes_max) return too_large();
    }
  }
  Doc out = Doc::from_text(to_text(document));
  if (out.size_bytes() > bytes_max) return too_large();
  if (const auto sound = check_json(out.text()); !sound)
    return make_error(Errc::too_large, "the edited input is nested too deeply");
  return out;
}

}  // namespace sluice::orchestrator
