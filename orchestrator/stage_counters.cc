// The stages' own counters in the engine: counted with the log, kept in their table about once a
// second, read by gates.
#include "orchestrator/engine_impl.h"
#include "orchestrator/flow_statements.h"
#include "orchestrator/statements.h"

namespace sluice::orchestrator {
namespace {

constexpr std::int64_t marked_rows_max = 20'000;  // log rows that a restart counts again
constexpr std::string_view marked_seq = "stage_counts_seq", marked_letter = "stage_counts_letter";

}  // namespace

void Engine::Impl::count_stages(Transaction& tx, const FrameRow& row,
                                const std::vector<LogRecord>& before,
                                std::span<const Record> after) {
  Version& version = catalog.version(row.version_id);
  const auto& machine = catalog.machine(tx, version);
  const auto& stages = stage_counts.of_version(version.id, version.workflow->id.value, machine);
  bool caught = false;
  for (const LogRecord& record : before) stage_counts.count(stages, machine, record.record, caught);
  for (const Record& record : after) stage_counts.count(stages, machine, record, caught);
}

// Whatever the log says up to here is in the table.
void Engine::Impl::mark_stages(Transaction& tx) {
  if (stages_marked == log_seq && !stage_counts.is_dirty() && stages_marked_at.us != 0) return;
  stage_counts.store(tx);
  tx.run(sql::put_meta, marked_seq, log_seq);
  tx.run(sql::put_meta, marked_letter, last_letter);
  undo.save(stages_marked);
  stages_marked = log_seq;
  undo.save(stages_marked_at.us);
  stages_marked_at = now().engine;
}

void Engine::Impl::mark_stages_in_time(Transaction& tx) {
  if (!stage_counts.is_dirty()) return;
  if (now().engine - stages_marked_at >= seconds(1) || log_seq - stages_marked >= marked_rows_max)
    mark_stages(tx);
}

// What the table has not seen.
void Engine::Impl::recover_stages(Reader& reader) {
  stage_counts.load(reader);
  if (auto q = reader.query(sql::get_meta, marked_seq); q.step())
    stages_marked = q.int64(0);
  else
    count_live_stages(reader);
  std::int64_t letters = 0;
  if (auto q = reader.query(sql::get_meta, marked_letter); q.step()) letters = q.int64(0);
  last_letter = letters;
  for (auto q = reader.query(sql::log_since, stages_marked); q.step();) {
    if (q.is_null(2)) continue;  // its run has been deleted, and marked before
    Version& version = catalog.version(q.int64(2));
    const auto& machine = catalog.machine(reader, version);
    const auto& stages = stage_counts.of_version(version.id, version.workflow->id.value, machine);
    bool caught = false;
    for (const LogRecord& record : decode_events(q.int64(0), q.blob(1)))
      stage_counts.count(stages, machine, record.record, caught);
  }
  for (auto q = reader.query(sql::letters_since, letters); q.step();) {
    stage_counts.add(stage_counts.of(q.int64(1), q.text(2)), StageMetric::dead, 1);
    last_letter = std::max(last_letter, q.int64(0));
  }
  for (const auto& name : counters.gate_names()) watch_stage(name);
}

// The first start of a directory, also of one from before there were these counters: what is live
// has entered where it stands, and what has ended is not known.
void Engine::Impl::count_live_stages(Reader& reader) {
  stages_marked = log_seq;
  const auto count = [&](FrameId id, std::string_view bytes) {
    const FrameRow row = decode_frame(id, bytes);
    if (row.frame.state == workflows::no_state || row.frame.flow.at == Passage::before) return;
    Version& version = catalog.version(row.version_id);
    const auto& machine = catalog.machine(reader, version);
    StageCount* stage =
        stage_counts.of_version(version.id, version.workflow->id.value, machine)[row.frame.state];
    if (stage == nullptr) return;
    stage_counts.add(*stage, StageMetric::entered, 1);
    stage_counts.add(*stage, StageMetric::in_flight, 1);
  };
  for (auto q = reader.query(sql::owned_messages); q.step();) count(q.id<FrameTag>(0), q.blob(1));
  for (auto q = reader.query(sql::waiting_frames); q.step();) count(q.id<FrameTag>(0), q.blob(1));
}

void Engine::Impl::count_dead(Transaction& tx, const queue::NewDeadLetter& letter) {
  if (letter.queue)
    if (queue::Queue* q = queues.find(*letter.queue))
      left_dead_letter(tx, *q, letter.workflow ? letter.workflow->value : 0);
  undo.save_once(last_letter);
  last_letter = letter.id.value;
  if (letter.state.empty() || !letter.workflow) return;
  stage_counts.add(stage_counts.of(letter.workflow->value, letter.state), StageMetric::dead, 1);
}

// A gate asks for the counter, should it be a stage's: from now on it follows the stage.
void Engine::Impl::watch_stage(const std::string& counter) {
  if (!counter.starts_with(workflows::stage_counter_prefix)) return;
  const auto slash = counter.find('/'), dot = counter.rfind('.');
  if (slash == std::string::npos || dot == std::string::npos || dot < slash) return;
  const std::size_t from = workflows::stage_counter_prefix.size();
  Workflow* workflow = catalog.find(counter.substr(from, slash - from));
  if (workflow == nullptr) return;  // it stands at 0 until the workflow is deployed
  StageCount& stage =
      stage_counts.of(workflow->id.value, counter.substr(slash + 1, dot - slash - 1));
  if (!stage.watched) stage.watched = true;
  follow_stage(stage, workflow->name);
}

void Engine::Impl::follow_stage(const StageCount& stage, const std::string& workflow) {
  for (std::size_t i = 0; i < stage_metrics.size(); ++i)
    counters.follow(std::string(workflows::stage_counter_prefix) + workflow + "/" + stage.state +
                        "." + std::string(stage_metrics[i]),
                    stage.values[i]);
}

// What gates read of stages is as the stages are now.
void Engine::Impl::follow_stages() {
  for (const StageCount* stage : stage_counts.take_watched())
    if (const Workflow* workflow = catalog.find(WorkflowId{stage->workflow}))
      follow_stage(*stage, workflow->name);
}

}  // namespace sluice::orchestrator
