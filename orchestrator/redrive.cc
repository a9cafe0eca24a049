// Going on from where a run failed; replaying a dead letter is the same.
#include "orchestrator/engine_impl.h"
#include "orchestrator/statements.h"

namespace sluice::orchestrator {
namespace {

constexpr int status_failed = 3, status_timed_out = 4, status_aborted = 5, status_paused = 6,
              status_compensating = 7, status_compensated = 8;

Error was_undone(RunId run) {
  return make_error(Errc::conflict, "what run " + to_string(run) +
                                        " did has been undone (compensated): start a new run");
}
constexpr int run_timeout = 3;

}  // namespace

Result<Unit> Engine::Impl::apply(Transaction& tx, const RedriveRun& c) {
  return redrive(tx, c, std::nullopt);
}

Result<Unit> Engine::Impl::redrive(Transaction& tx, const RedriveRun& c,
                                   std::optional<DeadLetterId> letter) {
  int status = 0;
  std::int64_t last_seq = 0, version_id = 0;
  {
    auto q = tx.query(sql::run_facts, c.run);
    if (!q.step()) return make_error(Errc::not_found, "no run " + to_string(c.run));
    status = static_cast<int>(q.int64(3));
    version_id = q.int64(1);
    last_seq = q.is_null(7) ? 0 : q.int64(7);
  }
  if (status == status_compensating) return undo_again(tx, c, letter);
  if (status == status_compensated) return was_undone(c.run);
  std::optional<Live> held;
  if (status == status_paused) {
    held = load(tx, FrameId{c.run.value});
    if (held && held->row.undoing.stage != Undoing::Stage::held) held.reset();
    if (held) last_seq = held->row.last_seq;
  }
  if (status != status_failed && status != status_timed_out && status != status_aborted && !held)
    return make_error(Errc::conflict,
                      "run " + to_string(c.run) +
                          " has not failed: only a run that is FAILED, TIMED_OUT or "
                          "ABORTED can be redriven");
  // The last log row keeps the frame as it stood.
  FrameRow row;
  bool found = false;
  {
    auto q = tx.query(sql::find_log, last_seq);
    if (q.step())
      for (const auto& record : decode_events(last_seq, q.blob(4)))
        if (!record.kept_frame.empty()) {
          row = decode_frame(FrameId{c.run.value}, record.kept_frame);
          found = true;
        }
  }
  if (!found)
    throw storage::StorageError(storage::Fault::corrupt,
                                "the last log row of run " + to_string(c.run) + " keeps no frame");

  if (row.undoing.stage == Undoing::Stage::undoing) return was_undone(c.run);
  row.undoing = {};

  Version* version = &catalog.version(version_id);
  const auto& old_machine = catalog.machine(tx, *version);
  const workflows::StateIndex old_state = row.frame.state;
  if (c.version) {
    version = catalog.version(*version->workflow, *c.version);
    if (version == nullptr)
      return make_error(Errc::not_found, "workflow has no version " + std::to_string(*c.version));
  }
  const auto& machine = catalog.machine(tx, *version);
  if (&machine != &old_machine) {
    mark_stages(tx);
    move_locks(row.frame.flow, old_machine, machine);
  }
  if (row.frame.state != workflows::no_state) {
    const auto& name = old_machine.states[row.frame.state].name;
    row.frame.state = machine.find(name);
    if (row.frame.state == workflows::no_state && !c.from)
      return make_error(Errc::conflict,
                        "version " + std::to_string(version->number) + " has no state \"" + name +
                            "\", at which the run failed: say where to go on with `from`");
  }
  bool same_entry = row.frame.state != workflows::no_state;
  if (c.from) {
    const auto state = machine.find(*c.from);
    if (state == workflows::no_state) {
      Error error = make_error(Errc::invalid_argument, "no state \"" + *c.from + "\" in version " +
                                                           std::to_string(version->number));
      error.problems.push_back({"/from", "no such state"});
      return error;
    }
    same_entry = old_state != workflows::no_state && old_machine.states[old_state].name == *c.from;
    row.frame.state = state;
  }
  if (row.frame.state == workflows::no_state)
    row.frame.state = machine.start_at;  // It never started.
  // Elsewhere, only the locks are taken back that are held through a state that is yet to come.
  if (!same_entry)
    std::erase_if(row.frame.flow.locks, [&](const HeldLock& lock) {
      return lock.through != workflows::no_state &&
             !workflows::reaches(machine, row.frame.state, lock.through);
    });
  std::optional<Doc> input = c.input;
  if (c.edit) {
    auto changed = edited(row.frame.input ? row.frame.input : load_doc(tx, row.input_ref), *c.edit,
                          options.payload_bytes_max);
    if (!changed) return changed.error();
    input = *std::move(changed);
  }
  if (input) {
    if (input->size_bytes() > options.payload_bytes_max)
      return make_error(Errc::too_large, "the input is larger than the payload limit");
    row.frame.input = *input;
  }

  const Now time = now();
  row.version_id = version->id;
  row.last_seq = last_seq;
  row.timeout_due = row.run_timeout_due = row.token_number = 0;
  row.frame.retries.clear();
  row.frame.retry_count = 0;
  // A new entry is new work; going on with the same one keeps its idempotency key.
  if (!same_entry) row.frame.entries += 1;
  if (held) {  // Whoever waits for the run still does.
    row.waiter = held->row.waiter;
    row.fence = held->row.fence;
    if (held->row.run_timeout_due != 0)
      tx.run(sql::delete_deadline, held->row.run_timeout_due, row.frame.id, run_timeout);
    leave_home(tx, *held);
  } else {
    undo.save_once(live_runs);
    live_runs += 1;
  }
  tx.run(sql::reopen_run, c.run, version->id);
  const auto letters = queues.open_dead_letters(tx, c.run);
  for (const auto& open : letters) {
    queues.close_dead_letter(tx, open, true, "");
    queues.note_replay(tx, open, std::nullopt);
  }
  if (machine.timeout_s) {
    row.run_timeout_due = (time.engine + seconds(*machine.timeout_s)).us;
    tx.run(sql::insert_deadline, row.run_timeout_due, row.frame.id, run_timeout);
    next_deadline = std::min(next_deadline, row.run_timeout_due);
  }
  LogRecord redriven;
  redriven.record.kind = letter ? Kind::dead_letter_replayed : Kind::execution_redriven;
  if (letter) redriven.note = to_string(*letter);
  Live live;
  live.row = std::move(row);
  // With other data, or elsewhere, what was spawned is not gone on with.
  const bool same_shape =
      live.row.spawned == 0 ||
      (old_state != workflows::no_state &&
       same_children(old_machine.states[old_state], machine.states[live.row.frame.state]));
  if (live.row.spawned != 0 && (input || !same_entry || !same_shape)) {
    forget_spawn(tx, std::exchange(live.row.spawned, 0));
    live.row.plan.clear();
  }
  std::vector<LogRecord> before;
  before.push_back(std::move(redriven));
  take_up(tx, live, std::move(before));
  // What the failed work's ordering key waited for goes on elsewhere, or has its place again.
  for (const auto& closed : letters) queues.free_place_of(tx, closed, time);
  return Unit{};
}

}  // namespace sluice::orchestrator
