// Makes a random workflow: its definition's text beside its shape (random_workflow.h).
#pragma once

#include "orchestrator/random_workflow.h"

namespace sluice::orchestrator::engine_test {

class WorkflowMaker {
 public:
  // `children`: workflows that runs of this one may start. `items_max`: of one Map.
  WorkflowMaker(Random& chance, std::vector<std::string> children, std::size_t items_max = 5)
      : chance_(chance),
        children_(std::move(children)),
        items_max_(items_max),
        room_(items_max * 2),
        jsonata_(chance.below(2) == 0) {}

  RandomWorkflow make(const std::string& name, int depth) {
    RandomWorkflow made;
    made.name = name;
    made.top = scope(depth, {});
    made.start_at = "B" + made.top.name;
    made.calls = calls_;
    made.text = fmt::format(R"({{{}{}{})", jsonata_ ? R"("QueryLanguage":"JSONata",)" : "",
                            one_in(4) ? R"("TimeoutSeconds":900,)" : "", made.top.text.substr(1));
    return made;
  }

 private:
  bool one_in(std::uint64_t n) { return chance_.below(n) == 0; }
  std::string fresh(const char* prefix) { return fmt::format("{}{}", prefix, ++names_); }

  // A value that is the input's path with something behind it, as a member.
  std::string path_and(const std::string& name, const std::string& behind) const {
    return jsonata_ ? fmt::format(R"("{}":"{{% $states.input.path & '{}' %}}")", name, behind)
                    : fmt::format(R"x("{}.$":"States.Format('{{}}{}', $.path)")x", name, behind);
  }
  std::string same(const std::string& name) const { return path_and(name, ""); }
  std::string variable(const std::string& name) const {
    return jsonata_ ? fmt::format(R"("{0}":"{{% ${0} %}}")", name)
                    : fmt::format(R"("{0}.$":"${0}")", name);
  }
  std::string arguments(const std::string& members) const {
    return fmt::format(R"("{}":{{{}}})", jsonata_ ? "Arguments" : "Parameters", members);
  }

  // `seen`: the variables of the scopes around.
  Scope scope(int depth, std::vector<std::string> seen) {
    Scope made;
    made.name = fresh("S");
    std::string states = fmt::format(R"("B{0}":{{"Type":"Pass","Assign":{{{1}}},"Next":"W{0}"}},)",
                                     made.name, path_and("v" + made.name, "@" + made.name));
    seen.push_back("v" + made.name);
    const int before = one_in(3) ? 1 : 0;
    std::string work;
    for (int i = 0; i <= before; ++i) {
      const bool last = i == before;
      const std::string at = last ? "M" + made.name : "W" + made.name;
      const std::string next = last ? R"("End":true)" : fmt::format(R"("Next":"M{}")", made.name);
      work += node(made, depth, seen, at, next, last);
      if (made.told_by == at) seen.push_back("t" + made.name);
    }
    if (before == 0)
      states += one_in(4) ? fmt::format(R"("W{0}":{{"Type":"Wait","Seconds":{1},"Next":"M{0}"}},)",
                                        made.name, chance_.below(6))
                          : fmt::format(R"("W{0}":{{"Type":"Pass","Next":"M{0}"}},)", made.name);
    states += work;
    for (const auto& name : made.catching)
      states += fmt::format(R"("C{0}":{{"Type":"Pass","{1}":{{"caught":"{0}"}},"End":true}},)",
                            name, jsonata_ ? "Output" : "Result");
    states.pop_back();
    made.text = fmt::format(R"({{"StartAt":"B{}","States":{{{}}}}})", made.name, states);
    return made;
  }

  // The state `at` and what leads to it, with a comma behind.
  std::string node(Scope& around, int depth, const std::vector<std::string>& seen,
                   const std::string& at, const std::string& next, bool last) {
    Node made;
    made.name = at;
    // A wide workflow is one of a wide Map.
    const std::uint64_t dice =
        items_max_ > 100 && names_ == 1 && last ? 11 : chance_.below(depth > 0 ? 16 : 7);
    if (dice < 4)
      made.kind = Node::Kind::task;
    else if (dice == 4)
      made.kind = Node::Kind::token;
    else if (dice == 5)
      made.kind = one_in(2) ? Node::Kind::run : Node::Kind::sync2;
    else if (dice == 6)
      made.kind = last ? Node::Kind::task : Node::Kind::start_run;
    else if (dice < 11)
      made.kind = Node::Kind::parallel;
    else if (dice < 14)
      made.kind = Node::Kind::map;
    else
      made.kind = one_in(2) ? Node::Kind::batches : Node::Kind::files;
    const bool child = made.kind == Node::Kind::run || made.kind == Node::Kind::sync2 ||
                       made.kind == Node::Kind::start_run;
    if (child && children_.empty()) made.kind = Node::Kind::task;

    std::string fields, lead;
    bool may_fail = true;
    switch (made.kind) {
      case Node::Kind::task:
      case Node::Kind::token:
        fields = leaf(around, made, seen, last);
        break;
      case Node::Kind::run:
      case Node::Kind::start_run:
        made.child = children_[chance_.below(children_.size())];
        calls_.insert(at);
        fields = fmt::format(R"("Type":"Task","Resource":"run:{}{}",)", made.child,
                             made.kind == Node::Kind::run ? "" : ".async") +
                 arguments(same("path")) + "," + time_limit();
        may_fail = made.kind == Node::Kind::run;
        break;
      case Node::Kind::sync2:
        made.child = children_[chance_.below(children_.size())];
        calls_.insert(at);
        fields = R"("Type":"Task","Resource":"arn:aws:states:::states:startExecution.sync:2",)" +
                 arguments(fmt::format(R"("StateMachineArn":"{}","Input":{{{}}})", made.child,
                                       same("path"))) +
                 "," + time_limit();
        break;
      case Node::Kind::parallel: {
        fields = R"("Type":"Parallel","Branches":[)";
        for (std::uint64_t i = 0, n = 1 + chance_.below(3); i < n; ++i) {
          made.below.push_back(scope(depth - 1, seen));
          fields += (i > 0 ? "," : "") + made.below.back().text;
        }
        fields += "],";
        break;
      }
      default:
        fields = map(made, depth, seen, at, lead);
    }
    const bool composite = !made.below.empty() || made.kind == Node::Kind::batches;
    if (may_fail && one_in(2))
      fields += fmt::format(
          R"("Retry":[{{"ErrorEquals":["Again"{}],"IntervalSeconds":1,"MaxAttempts":{},"MaxDelaySeconds":9,"JitterStrategy":"FULL"}}],)",
          composite ? R"(,"Broken")" : "", 1 + chance_.below(2));
    if (may_fail && one_in(3)) {
      fields += fmt::format(R"("Catch":[{{"ErrorEquals":["States.ALL"],"Next":"C{}"}}],)", at);
      around.catching.insert(at);
    }
    if (!last)
      fields += jsonata_ ? R"("Output":"{% $states.input %}",)" : R"("ResultPath":null,)";
    else if (made.kind == Node::Kind::sync2)
      fields +=
          jsonata_ ? R"("Output":"{% $states.result.Output %}",)" : R"("OutputPath":"$.Output",)";
    around.nodes.push_back(std::move(made));
    const std::string entered = lead.empty() ? at : "X" + at;
    return lead + fmt::format(R"("{}":{{{}{}}},)", entered, fields, next);
  }

  std::string time_limit() { return one_in(3) ? R"("TimeoutSeconds":60,)" : ""; }

  std::string leaf(Scope& around, const Node& made, const std::vector<std::string>& seen,
                   bool last) {
    const bool token = made.kind == Node::Kind::token;
    std::string members = fmt::format(R"("at":"{}",{})", made.name, same("path"));
    for (const auto& name : seen) members += "," + variable(name);
    if (token)
      members += jsonata_ ? R"(,"token":"{% $states.context.Task.Token %}")"
                          : R"(,"token.$":"$$.Task.Token")";
    std::string fields =
        fmt::format(R"("Type":"Task","Resource":"queue:{}",)", token       ? "t.waitForTaskToken"
                                                               : one_in(2) ? "a"
                                                                           : "b") +
        arguments(members) + "," + time_limit();
    if (fields.ends_with(R"("TimeoutSeconds":60,)") && one_in(2))
      fields += R"("HeartbeatSeconds":20,)";
    if (!last && one_in(2)) {
      around.told_by = made.name;
      fields += jsonata_ ? fmt::format(R"("Assign":{{"t{}":"{{% $states.result.path %}}"}},)",
                                       around.name)
                         : fmt::format(R"("Assign":{{"t{}.$":"$.path"}},)", around.name);
    }
    return fields;
  }

  std::string map(Node& made, int depth, const std::vector<std::string>& seen,
                  const std::string& at, std::string& lead) {
    // A definition as a whole is not much wider than one Map.
    made.items = static_cast<int>(chance_.below(std::min(items_max_, room_) + 1));
    const std::size_t room = room_;
    room_ /= static_cast<std::size_t>(std::max(made.items, 1));
    made.tolerant = made.kind != Node::Kind::map || one_in(3);
    std::string list;
    for (int i = 0; i < made.items; ++i) list += (i > 0 ? "," : "") + std::to_string(10 + i);
    std::string fields = R"("Type":"Map",)";
    if (jsonata_) {
      fields += fmt::format(R"("Items":[{}],)", list);
    } else {
      lead = fmt::format(
          R"("{0}":{{"Type":"Pass","Parameters":{{"path.$":"$.path","items":[{1}]}},"Next":"X{0}"}},)",
          at, list);
      fields += R"("ItemsPath":"$.items",)";
    }
    fields +=
        jsonata_
            ? R"x("ItemSelector":{"path":"{% $states.input.path & '/' & $string($states.context.Map.Item.Index) %}"},)x"
            : R"x("ItemSelector":{"path.$":"States.Format('{}/{}', $.path, $$.Map.Item.Index)"},)x";
    if (one_in(2))
      fields += fmt::format(R"("MaxConcurrency":{},)",
                            1 + chance_.below(std::max<std::size_t>(3, items_max_ / 2)));
    if (made.tolerant && one_in(2))
      fields += one_in(2) ? R"("ToleratedFailureCount":1,)" : R"("ToleratedFailurePercentage":50,)";
    if (made.kind == Node::Kind::files)
      fields += R"("ResultWriter":{"Resource":"arn:aws:states:::s3:putObject",)" +
                arguments(fmt::format(R"("Bucket":"out","Prefix":"{}")", at)) + "},";
    const std::string mode =
        made.tolerant ? R"("ProcessorConfig":{"Mode":"DISTRIBUTED","ExecutionType":"STANDARD"},)"
                      : "";
    if (made.kind == Node::Kind::batches) {
      const std::string leaf = fresh("L");
      const std::string paths = jsonata_ ? R"("paths":"{% [$states.input.Items.path] %}")"
                                         : R"("paths.$":"$.Items[*].path")";
      fields += fmt::format(
          R"("ItemBatcher":{{"MaxItemsPerBatch":2}},"ItemProcessor":{{{0}"StartAt":"{1}","States":{{"{1}":{{"Type":"Task","Resource":"queue:a",{2},"End":true}}}}}},)",
          mode, leaf, arguments(fmt::format(R"("at":"{}",{})", leaf, paths)));
      room_ = room;
      return fields;
    }
    made.below.push_back(scope(depth - 1, made.tolerant ? std::vector<std::string>{} : seen));
    room_ = room;
    return fields + fmt::format(R"("ItemProcessor":{{{}{},)", mode, made.below[0].text.substr(1));
  }

  Random& chance_;
  std::vector<std::string> children_;
  std::size_t items_max_, room_;
  bool jsonata_;
  int names_ = 0;
  std::set<std::string> calls_;
};

}  // namespace sluice::orchestrator::engine_test
