// Undoing what a failed run has done: the stages that it completed and that have a Compensate, the
// last completed first.
//
// What undoes a stage is a Task of the machine (State::compensation), at which the root frame
// stands while it works: queues, retries, time-outs, tokens and dead letters are the ordinary ones.
// One is undone after the other, so memory holds one, however many there are.
#include "orchestrator/compensation_statements.h"
#include "orchestrator/engine_impl.h"
#include "orchestrator/statements.h"

namespace sluice::orchestrator {

using workflows::OnFailure;

namespace {

constexpr int status_failed = 3, status_timed_out = 4, status_aborted = 5, status_paused = 6,
              status_compensating = 7, status_compensated = 8;
constexpr int run_timeout = 3;
constexpr int compensation_running = 2, compensation_done = 3, compensation_failed = 4;

// {"input": …, "output": …}: what a stage was given and what it left behind.
Doc both(const Doc& input, const Doc& output) {
  std::string text = R"({"input":)";
  text += input.text();
  text += R"(,"output":)";
  text += output.text();
  text += '}';
  return Doc::from_text(std::move(text));
}

void begin_again(FrameRow& row) {
  row.timeout_due = row.token_number = row.heartbeat_us = 0;
  row.attempts = 0;
  row.failures.clear();
  row.headers.clear();
  row.frame.retries.clear();
  row.frame.retry_count = 0;
}

}  // namespace

void Engine::Impl::note_completed(Transaction& tx, const FrameRow& row, const Completed& stage,
                                  std::int64_t seq) {
  const auto& machine = catalog.machine(tx, catalog.version(row.version_id));
  tx.run(sql::insert_compensation, row.run, seq, row.frame.id, row.version_id,
         static_cast<std::int64_t>(machine.states[stage.state].compensation),
         pack(stage.input.ref()), pack(stage.output.ref()));
}

bool Engine::Impl::has_compensations(Reader& reader, RunId run) {
  return reader.query(sql::has_compensations, run).step();
}

bool Engine::Impl::is_compensating(Reader& reader, RunId run) {
  auto q = reader.query(sql::run_facts, run);
  return q.step() && q.int64(3) == status_compensating;
}

bool Engine::Impl::undoing_failed(Reader& reader, const FrameRow& row) {
  auto q = reader.query(sql::compensation_status, row.run, row.undoing.seq);
  return q.step() && q.int64(0) == compensation_failed;
}

OnFailure Engine::Impl::after_failure(Transaction& tx, const FrameRow& row) {
  const OnFailure asked = catalog.machine(tx, catalog.version(row.version_id)).on_failure;
  // With nothing to undo the run fails as any other, and can be redriven.
  if (asked == OnFailure::compensate && !has_compensations(tx, row.run)) return OnFailure::fail;
  return asked;
}

void Engine::Impl::no_longer_paused(RunId run) {
  if (paused_runs.erase(run.value) != 0) undo.add([this, run] { paused_runs.insert(run.value); });
}

void Engine::Impl::close_letters(Transaction& tx, RunId run, queue::DeadStatus status,
                                 std::string_view reason) {
  for (const auto& letter : queues.open_dead_letters(tx, run)) {
    queues.close_dead_letter(tx, letter, status, reason);
    queues.free_place_of(tx, letter, now());
  }
}

void Engine::Impl::fail_otherwise(Transaction& tx, Live& live, OnFailure then, const Fault& fault) {
  FrameRow& row = live.row;
  if (then == OnFailure::compensate) {
    begin_compensation(tx, live, status_compensated, fault);
    return;
  }
  const auto& machine = catalog.machine(tx, catalog.version(row.version_id));
  no_longer_paused(row.run);
  if (row.run_timeout_due != 0)
    tx.run(sql::delete_deadline, row.run_timeout_due, row.frame.id, run_timeout);
  row.run_timeout_due = row.held_run_timeout_us = 0;
  begin_again(row);
  row.undoing = {Undoing::Stage::held, 0, fault, 0};
  LogRecord held;
  held.record.kind = Kind::execution_held;
  held.record.state = row.frame.state;
  held.record.fault = fault;
  write_log(tx, row, {held}, next_seq(), {.keep = true});
  tx.run(sql::set_run_failed, row.run, status_paused, fault.error.value_or(""));
  if (machine.hold_s) {
    row.run_timeout_due = (now().engine + seconds(*machine.hold_s)).us;
    tx.run(sql::insert_deadline, row.run_timeout_due, row.frame.id, run_timeout);
    next_deadline = std::min(next_deadline, row.run_timeout_due);
  }
  wait_as_frame(tx, live, WaitKind::operator_, std::nullopt);
  touched(row.run, false);
}

void Engine::Impl::begin_compensation(Transaction& tx, Live& live, int ends_as,
                                      const Fault& fault) {
  FrameRow& row = live.row;
  const Fault why = fault;  // It may be the row's own.
  no_longer_paused(row.run);
  if (row.run_timeout_due != 0)
    tx.run(sql::delete_deadline, row.run_timeout_due, row.frame.id, run_timeout);
  row.run_timeout_due = row.held_run_timeout_us = 0;
  close_letters(tx, row.run, queue::DeadStatus::compensated, "");
  tx.run(sql::set_run_failed, row.run, status_compensating, why.error);
  if (row.spawned != 0) forget_spawn(tx, std::exchange(row.spawned, 0));
  row.plan.clear();
  row.stopping = {};
  row.pending = {};
  row.events_had.clear();
  row.frame.variables = Doc{};
  row.variables_ref = {};
  row.undoing = {Undoing::Stage::undoing, ends_as, why, INT64_MAX};
  LogRecord begun;
  begun.record.kind = Kind::compensation_started;
  begun.record.fault = why;
  undo_next(tx, live, {begun});
}

// Undoes the stage that was completed before the one that `row` tells of; or the run ends.
void Engine::Impl::undo_next(Transaction& tx, Live& live, std::vector<LogRecord> before) {
  FrameRow& row = live.row;
  note_fence(live);
  leave_home(tx, live);
  begin_again(row);
  DocRef input, output;
  bool found = false;
  if (auto q = tx.query(sql::next_compensation, row.run, row.undoing.seq); q.step()) {
    found = true;
    row.undoing.seq = q.int64(0);
    row.version_id = q.int64(1);
    row.frame.state = static_cast<workflows::StateIndex>(q.int64(2));
    input = unpack(q.int64(3));
    output = unpack(q.int64(4));
  }
  if (found) {
    tx.run(sql::set_compensation_status, row.run, row.undoing.seq, compensation_running);
    row.frame.entries += 1;
    row.frame.input = both(load_doc(tx, input), load_doc(tx, output));
    row.input_ref = row.body_ref = {};
    step(tx, live, Redriven{}, std::move(before));
    return;
  }
  LogRecord ended;
  ended.record.kind =
      row.undoing.ends_as == status_aborted ? Kind::execution_aborted : Kind::execution_compensated;
  ended.record.fault = row.undoing.fault;
  before.push_back(std::move(ended));
  write_log(tx, row, before, next_seq(), {.keep = true});
  end_run(tx, row, row.undoing.ends_as, row.undoing.fault.error);
  tally(counts.runs_compensated);
  touched(row.run, true);
}

void Engine::Impl::stage_undone(Transaction& tx, Live& live, const Finish& finish,
                                DeadLetterId letter, const std::string& failures,
                                std::int64_t attempts, const std::string& headers) {
  FrameRow& row = live.row;
  if (finish.end == End::succeeded) {
    tx.run(sql::set_compensation_status, row.run, row.undoing.seq, compensation_done);
    undo_next(tx, live, {});
    return;
  }
  tx.run(sql::set_compensation_status, row.run, row.undoing.seq, compensation_failed);
  add_dead_letter(tx, letter, row, queue::DeadKind::compensation, finish.fault, failures, attempts,
                  headers);
  begin_again(row);
  wait_as_frame(tx, live, WaitKind::operator_, std::nullopt);
}

Result<Unit> Engine::Impl::undo_again(Transaction& tx, const RedriveRun& c,
                                      std::optional<DeadLetterId> letter) {
  auto live = load(tx, FrameId{c.run.value});
  SLUICE_CHECK(live.has_value(), "the root frame of a live run");
  if (!undoing_failed(tx, live->row))
    return make_error(Errc::conflict,
                      "run " + to_string(c.run) +
                          " is COMPENSATING: what it did is being undone; when that "
                          "has ended, start a new run");
  if (c.from || c.version)
    return make_error(Errc::conflict,
                      "run " + to_string(c.run) +
                          " is COMPENSATING: it goes on with the stage that could not be undone, "
                          "and cannot be told another state or version");
  if (c.input && c.input->size_bytes() > options.payload_bytes_max)
    return make_error(Errc::too_large, "the input is larger than the payload limit");
  close_letters(tx, c.run, queue::DeadStatus::replayed, "");
  FrameRow& row = live->row;
  tx.run(sql::set_compensation_status, row.run, row.undoing.seq, compensation_running);
  if (c.input) {
    row.frame.input = *c.input;
    row.input_ref = {};
  }
  begin_again(row);
  LogRecord again;
  again.record.kind = letter ? Kind::dead_letter_replayed : Kind::execution_redriven;
  if (letter) again.note = to_string(*letter);
  step(tx, *live, Redriven{}, {again});
  return Unit{};
}

Result<Unit> Engine::Impl::apply(Transaction& tx, const CompensateRun& c) {
  int status = 0;
  std::int64_t last_seq = 0;
  Fault fault;
  {
    auto q = tx.query(sql::run_facts, c.run);
    if (!q.step()) return make_error(Errc::not_found, "no run " + to_string(c.run));
    status = static_cast<int>(q.int64(3));
    last_seq = q.is_null(7) ? 0 : q.int64(7);
  }
  if (status == status_compensating || status == status_compensated) return Unit{};
  if (status == status_paused) {
    auto live = load(tx, FrameId{c.run.value});
    SLUICE_CHECK(live.has_value(), "the root frame of a live run");
    if (live->row.undoing.stage == Undoing::Stage::held) {
      begin_compensation(tx, *live, status_compensated, live->row.undoing.fault);
      return Unit{};
    }
  }
  if (status != status_failed && status != status_timed_out && status != status_aborted)
    return make_error(Errc::conflict,
                      "run " + to_string(c.run) +
                          " has not failed: only a run that is held, FAILED, TIMED_OUT or ABORTED "
                          "can be compensated; cancel it with \"compensate\": true");
  auto kept = kept_frame(tx, FrameId{c.run.value}, last_seq);
  if (!kept)
    throw storage::StorageError(storage::Fault::corrupt,
                                "the last log row of run " + to_string(c.run) + " keeps no frame");
  if (kept->undoing.stage == Undoing::Stage::undoing)
    return make_error(Errc::conflict, "run " + to_string(c.run) +
                                          " has been compensated already, as far as it came before "
                                          "it was aborted");
  if (!has_compensations(tx, c.run))
    return make_error(Errc::conflict, "run " + to_string(c.run) +
                                          " has completed no stage that has a Compensate: there is "
                                          "nothing to undo");
  if (auto q = tx.query(sql::find_log, last_seq); q.step())
    for (const auto& record : decode_events(last_seq, q.blob(4)))
      if (record.record.fault.error || record.record.fault.cause) fault = record.record.fault;
  Live live;
  live.row = *std::move(kept);
  live.row.last_seq = last_seq;
  tx.run(sql::reopen_to_compensate, c.run);
  undo.save_once(live_runs);
  live_runs += 1;
  begin_compensation(tx, live, status == status_aborted ? status_aborted : status_compensated,
                     fault);
  return Unit{};
}

}  // namespace sluice::orchestrator
