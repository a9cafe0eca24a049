// Random workflows of everything that has children, each with what its output must be.
//
// Every scope is given {"path": P} and every leaf answers with what it was sent: its own name, the
// path (the items' indexes on the way to it) and the variables that it sees. A result in another's
// place, or a variable of another scope, is seen at once. REQUIRES of the workers: a task is
// completed with answer_to() its body, skipped with skipped_output, failed with "Again" or
// "Broken".
#pragma once

#include <fmt/format.h>

#include <functional>
#include <map>
#include <set>
#include <string>
#include <vector>

#include "base/doc.h"
#include "base/random.h"

namespace sluice::orchestrator::engine_test {

// What an operator gives a stage in place of its worker's result, whatever the stage is.
inline constexpr const char* skipped_output =
    R"({"skipped":true,"path":"skipped","Output":{"skipped":true,"path":"skipped"}})";

inline Doc answer_to(const Doc& body) {
  Json answer = body.json();
  answer.erase("token");
  return Doc::from_json(std::move(answer));
}

struct Scope;

// One state that does something.
struct Node {
  enum class Kind { task, token, run, sync2, start_run, parallel, map, batches, files };
  Kind kind = Kind::task;
  std::string name;
  int items = 0;
  bool tolerant = false;  // a failed item's place holds its error
  std::vector<Scope> below;
  std::string child;  // run, sync2: the workflow
};

// A definition's level: a Pass that assigns a variable, perhaps work whose result is dropped, and
// the work whose result is the output.
struct Scope {
  std::string name, text;
  std::vector<Node> nodes;         // the last one's result is the output
  std::set<std::string> catching;  // nodes whose Catch ends the scope
  std::string told_by;             // a node that assigns a variable from its result
};

struct RandomWorkflow {
  std::string name, text, start_at;
  Scope top;
  std::set<std::string> calls;  // the states that start runs
};

using Variables = std::map<std::string, std::string>;

// What an output must be, given the path; an empty string: nothing is wrong with it.
class Expected {
 public:
  // `workflows`: by name and version.
  Expected(const std::map<std::string, std::vector<RandomWorkflow>>& workflows,
           std::function<std::string(const Json& details, std::vector<Json>& outputs)> read_files)
      : workflows_(workflows), read_files_(std::move(read_files)) {}

  std::string of_run(const std::string& workflow, const std::string& path,
                     const Json& output) const {
    std::string found;
    for (const auto& version : workflows_.at(workflow))
      if (found = of_scope(version.top, path, {}, output); found.empty()) break;
    return found;
  }

 private:
  static std::string wrong(const std::string& name, const std::string& path, const Json& found) {
    return fmt::format("{} at {} gave {}", name, path, to_text(found));
  }
  static bool is_skipped(const Json& output) {
    return output.is_object() && output.contains("skipped");
  }

  std::string of_scope(const Scope& scope, const std::string& path, Variables variables,
                       const Json& output) const {
    if (output.is_object() && scope.catching.contains(output.value("caught", ""))) return "";
    variables["v" + scope.name] = path + "@" + scope.name;
    if (!scope.told_by.empty()) variables["t" + scope.name] = path;
    return of_node(scope.nodes.back(), path, variables, output);
  }

  std::string of_node(const Node& node, const std::string& path, const Variables& variables,
                      const Json& output) const {
    switch (node.kind) {
      case Node::Kind::task:
      case Node::Kind::token:
        return of_leaf(node, path, variables, output);
      case Node::Kind::run:
      case Node::Kind::sync2:
        return is_skipped(output) ? "" : of_run(node.child, path, output);
      case Node::Kind::start_run:
        return "";  // Only before others.
      case Node::Kind::parallel: {
        if (!output.is_array() || output.size() != node.below.size())
          return wrong(node.name, path, output);
        for (std::size_t i = 0; i < node.below.size(); ++i)
          if (auto found = of_scope(node.below[i], path, variables, output[i]); !found.empty())
            return found;
        return "";
      }
      case Node::Kind::map: {
        if (!output.is_array() || output.size() != static_cast<std::size_t>(node.items))
          return wrong(node.name, path, output);
        for (std::size_t i = 0; i < output.size(); ++i)
          if (auto found = of_item(node, path, i, variables, output[i]); !found.empty())
            return found;
        return "";
      }
      case Node::Kind::batches:
        return of_batches(node, path, output);
      case Node::Kind::files:
        return of_files(node, path, output);
    }
    return wrong(node.name, path, output);
  }

  std::string of_item(const Node& node, const std::string& path, std::size_t index,
                      const Variables& variables, const Json& output) const {
    if (node.tolerant && output.is_object() && output.contains("Error")) return "";
    return of_scope(node.below[0], path + "/" + std::to_string(index),
                    node.tolerant ? Variables{} : variables, output);
  }

  static std::string of_leaf(const Node& node, const std::string& path, const Variables& variables,
                             const Json& output) {
    if (is_skipped(output)) return "";
    if (!output.is_object() || output.size() != 2 + variables.size() ||
        output.value("at", "") != node.name || output.value("path", "") != path)
      return wrong(node.name, path, output);
    for (const auto& [name, value] : variables) {
      const std::string found = output.value(name, "");
      if (found != value && !(name[0] == 't' && found == "skipped"))
        return wrong(node.name + " with variable " + name, path, output);
    }
    return "";
  }

  static std::string of_batches(const Node& node, const std::string& path, const Json& output) {
    if (!output.is_array() || output.size() != static_cast<std::size_t>((node.items + 1) / 2))
      return wrong(node.name, path, output);
    for (std::size_t i = 0; i < output.size(); ++i) {
      if (!output[i].is_object()) return wrong(node.name, path, output);
      if (is_skipped(output[i]) || output[i].contains("Error")) continue;
      Json paths = Json::array();
      for (int at = static_cast<int>(2 * i); at < node.items && at < static_cast<int>(2 * i + 2);
           ++at)
        paths.push_back(path + "/" + std::to_string(at));
      if (output[i].value("paths", Json()) != paths) return wrong(node.name, path, output);
    }
    return "";
  }

  std::string of_files(const Node& node, const std::string& path, const Json& output) const {
    if (!output.is_object()) return wrong(node.name, path, output);
    std::vector<Json> succeeded;
    if (auto found = read_files_(output, succeeded); !found.empty())
      return wrong(node.name + ": " + found, path, output);
    std::set<std::size_t> left;
    for (std::size_t i = 0; i < static_cast<std::size_t>(node.items); ++i) left.insert(i);
    for (const Json& one : succeeded) {
      const auto place = std::ranges::find_if(
          left, [&](std::size_t i) { return of_item(node, path, i, {}, one).empty(); });
      if (place == left.end()) return wrong(node.name + ": a file", path, one);
      left.erase(place);
    }
    return "";
  }

  const std::map<std::string, std::vector<RandomWorkflow>>& workflows_;
  std::function<std::string(const Json&, std::vector<Json>&)> read_files_;
};

}  // namespace sluice::orchestrator::engine_test
