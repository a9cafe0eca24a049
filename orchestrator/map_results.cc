// The results of children, taken a step at a time, in memory or into files; then the parent goes
// on.
#include <fmt/format.h>

#include "orchestrator/context_object.h"
#include "orchestrator/engine_impl.h"
#include "orchestrator/statements.h"

namespace sluice::orchestrator {
namespace {

constexpr std::int64_t collect_step = 2'000, write_step = 200;  // results at once

}  // namespace

// All children have ended.
void Engine::Impl::collect(Transaction& tx, Join& join) {
  const auto& state =
      catalog.machine(tx, catalog.version(join.parent.version_id)).states[join.state];
  auto results = join.plan.writer ? write_results(tx, join, state) : gather(tx, join, state);
  if (!results) {
    Stopping stopping;
    stopping.now = true;
    stopping.fault = {results.failure().error, results.failure().cause};
    join.stopping = std::move(stopping);
    tend_stopping(tx, join);
    return;
  }
  if (!*results) {
    continue_later(tx, join, true);
    return;
  }
  auto live = load(tx, join.parent.frame.id);
  SLUICE_CHECK(live.has_value(), "the parent of children");
  step(tx, *live, ChildrenSucceeded{**std::move(results)}, {});
}

// A step of putting the results into one array; nothing while there are more.
workflows::Evaluated<std::optional<Doc>> Engine::Impl::gather(Transaction& tx, Join& join,
                                                              const workflows::State& state) {
  const auto* map = std::get_if<workflows::MapState>(&state.body);
  const bool flat = map != nullptr && map->writer &&
                    map->writer->transformation == workflows::ResultWriter::Transformation::flatten;
  {
    auto q = tx.query(sql::child_results, join.spawn, join.collected, collect_step);
    while (q.step()) {
      join.collected = q.int64(0) + 1;
      const std::string result = doc_of(q.blob(3), q.blob(4), unpack(q.int64(2)).slot);
      std::string_view text = result;
      if (flat && text.starts_with('[')) text = text.substr(1, text.size() - 2);
      if (text.find_first_not_of(" \t\r\n") == std::string_view::npos) continue;
      join.results += join.results.empty() ? '[' : ',';
      join.results += text;
      if (join.results.size() > options.payload_bytes_max) break;
    }
  }
  if (join.results.size() > options.payload_bytes_max) {
    join.results.clear();
    return workflows::Failure{
        "States.DataLimitExceeded",
        fmt::format("The state/task '{}' returned a result with a size exceeding the maximum "
                    "number of bytes service limit.",
                    state.name)};
  }
  if (join.collected < join.next) return std::optional<Doc>();
  std::string all = std::move(join.results);
  all += all.empty() ? "[]" : "]";
  return std::optional(Doc::from_text(std::move(all)));
}

// What the log says of a child that has ended.
ChildResult Engine::Impl::child_result(Reader& reader, const Join& join, const EndedChild& child) {
  ChildResult result;
  const Version& version = catalog.version(join.parent.version_id);
  result.name = to_string(child.frame);
  result.execution_arn = execution_arn(version.workflow->name, result.name);
  result.status = child.status == ChildStatus::succeeded ? ChildResult::Status::succeeded
                                                         : ChildResult::Status::failed;
  const Doc told = load_doc(reader, unpack(child.result));
  if (result.status == ChildResult::Status::succeeded) {
    result.output = told;
  } else {
    const auto text = [&](const char* name) -> std::optional<std::string> {
      const auto found = told.json().find(name);
      if (found == told.json().end()) return std::nullopt;
      return found->get<std::string>();
    };
    result.error = text("Error");
    result.cause = text("Cause");
  }
  DocRef input;
  {
    auto q = reader.query(sql::first_log_of_child, join.parent.run, child.frame);
    SLUICE_CHECK(q.step(), "the first log row of a child");
    result.started_at = WallTime{q.int64(1)};
    for (const auto& record : decode_events(q.int64(0), q.blob(2)))
      if (record.record.kind == Kind::state_entered && !input) input = record.doc_ref;
  }
  result.input = input ? load_doc(reader, input) : Doc::empty_object();
  auto q = reader.query(sql::find_log, child.last_seq);
  SLUICE_CHECK(q.step(), "the last log row of a child");
  result.ended_at = WallTime{q.int64(3)};
  return result;
}

// A step of writing the results to files; nothing while there are more. What was begun and is
// forgotten is begun anew.
workflows::Evaluated<std::optional<Doc>> Engine::Impl::write_results(
    Transaction& tx, Join& join, const workflows::State& state) {
  const auto& map = std::get<workflows::MapState>(state.body);
  if (!join.files) {
    const Version& version = catalog.version(join.parent.version_id);
    const std::string& workflow = version.workflow->name;
    const std::string id =
        fmt::format("{}-{}", to_string(join.parent.frame.id), to_base32(join.spawn));
    auto opened =
        ResultFiles::open(*map.writer, load_doc(tx, join.plan.writer).json(),
                          {options.items_directory, id,
                           fmt::format("arn:aws:states:local:000000000000:mapRun:{}/{}:{}",
                                       workflow, map.label.empty() ? state.name : map.label, id),
                           state_machine_arn(workflow)});
    if (!opened) return std::move(opened.failure());
    join.files = std::make_unique<ResultFiles>(*std::move(opened));
    join.collected = 0;
  }
  if (!join.files->already_there()) {
    std::vector<EndedChild> step;
    for (auto q = tx.query(sql::ended_children, join.spawn, join.collected, write_step); q.step();)
      step.push_back({q.int64(0), q.id<FrameTag>(1), static_cast<ChildStatus>(q.int64(2)),
                      q.int64(3), q.int64(4)});
    for (const EndedChild& child : step) {
      auto added = join.files->add(child_result(tx, join, child));
      if (!added) return std::move(added.failure());
      join.collected = child.index + 1;
    }
    if (join.collected < join.next) return std::optional<Doc>();
  }
  auto finished = join.files->finish();
  if (!finished) return std::move(finished.failure());
  return std::optional(*std::move(finished));
}

}  // namespace sluice::orchestrator
