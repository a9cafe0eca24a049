#include <fmt/format.h>

#include "workflows/json_compare.h"
#include "workflows/path.h"
#include "workflows/path_code.h"

namespace sluice::workflows {

ReferencePath ReferencePath::root() { return ReferencePath{}; }

Result<ReferencePath> ReferencePath::parse(std::string_view text) {
  auto code = parse_path(text);
  if (!code) return code.error();
  const PathCode& parsed = **code;
  if (parsed.root == PathRoot::context)
    return make_error(
        Errc::invalid_argument,
        fmt::format("'{}' points into the context object, which cannot be changed; expected '$…'",
                    text));
  if (parsed.root == PathRoot::variable)
    return make_error(
        Errc::invalid_argument,
        fmt::format("'{}' points into a variable, which only \"Assign\" can change; expected '$.…'",
                    text));
  ReferencePath path;
  path.text_ = parsed.text;
  for (const PathStep& step : parsed.steps) {
    const auto* names = std::get_if<NameStep>(&step.kind);
    const auto* indexes = std::get_if<IndexStep>(&step.kind);
    if (!step.descend && names != nullptr && names->names.size() == 1) {
      path.steps_.emplace_back(names->names[0]);
    } else if (!step.descend && indexes != nullptr && indexes->indexes.size() == 1) {
      path.steps_.emplace_back(indexes->indexes[0]);
    } else {
      return make_error(
          Errc::invalid_argument,
          fmt::format(
              "'{}' can select more than one node; a reference path has only names and single "
              "indexes, such as $.order.lines[0]",
              text));
    }
  }
  return path;
}

Evaluated<Json> ReferencePath::insert(Json document, Json value) const {
  if (steps_.empty()) return value;
  Json* node = &document;
  std::string walked = "$";
  for (const Step& step : steps_) {
    if (const auto* name = std::get_if<std::string>(&step)) {
      if (!node->is_object())
        return Failure{
            "States.ResultPathMatchFailure",
            fmt::format("Unable to apply the reference path '{}': {} is of type {}, not an object",
                        text_, walked, type_name(*node))};
      // A member that is made on the way starts as null, and becomes an object if the path goes on.
      const bool made = !node->contains(*name);
      node = &(*node)[*name];
      if (made && &step != &steps_.back()) *node = Json::object();
      walked += fmt::format("['{}']", *name);
    } else {
      std::int64_t index = std::get<std::int64_t>(step);
      if (!node->is_array())
        return Failure{
            "States.ResultPathMatchFailure",
            fmt::format("Unable to apply the reference path '{}': {} is of type {}, not an array",
                        text_, walked, type_name(*node))};
      const auto size = static_cast<std::int64_t>(node->size());
      if (index < 0) index += size;
      if (index < 0 || index >= size)
        return Failure{"States.ResultPathMatchFailure",
                       fmt::format("Unable to apply the reference path '{}': {} has {} elements",
                                   text_, walked, size)};
      node = &(*node)[static_cast<std::size_t>(index)];
      walked += fmt::format("[{}]", index);
    }
  }
  *node = std::move(value);
  return document;
}

}  // namespace sluice::workflows
