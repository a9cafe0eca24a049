#include "orchestrator/frame_row.h"

#include "base/varint.h"
#include "storage/storage.h"

namespace sluice::orchestrator {
namespace {
constexpr char format_1 = 1, format_2 = 2;

// Which of the parts that few frames have follow.
enum Part : std::int64_t {
  has_parent = 1 << 0,
  has_item = 1 << 1,
  has_key = 1 << 2,
  has_variables = 1 << 3,
  has_spawned = 1 << 4,
  has_stopping = 1 << 5,
  has_pending = 1 << 6,
  has_child_run = 1 << 7,
  has_waiter = 1 << 8,
  has_headers = 1 << 9,
  has_source = 1 << 10,
  has_event = 1 << 11,
  has_events_had = 1 << 12,
  has_door = 1 << 13,
  has_flow = 1 << 14,
  has_room_wait = 1 << 16,
  has_undoing = 1 << 19,
};

void put(ByteWriter& out, DocRef ref) {
  out.number(ref.seq);
  out.number(ref.slot);
}
DocRef get_ref(ByteReader& in) {
  DocRef ref;
  ref.seq = in.number();
  ref.slot = static_cast<std::uint32_t>(in.number());
  return ref;
}
void put(ByteWriter& out, const Fault& fault) {
  out.number((fault.error ? 1 : 0) | (fault.cause ? 2 : 0));
  out.text(fault.error.value_or(""));
  out.text(fault.cause.value_or(""));
}
Fault get_fault(ByteReader& in) {
  Fault fault;
  const auto which = in.number();
  const std::string error(in.text()), cause(in.text());
  if (which & 1) fault.error = error;
  if (which & 2) fault.cause = cause;
  return fault;
}
void put(ByteWriter& out, const FlowState& flow) {
  out.number(static_cast<std::int64_t>(flow.at) * 2 + (flow.resumes ? 1 : 0));
  out.number(static_cast<std::int64_t>(flow.locks.size()));
  for (const HeldLock& lock : flow.locks) {
    out.text(lock.name);
    out.number(lock.permits);
    out.number(lock.asked_at);
    out.number(lock.through);
    out.number(lock.granted ? 1 : 0);
  }
  out.number(static_cast<std::int64_t>(flow.owed.size()));
  for (const OwedChange& change : flow.owed) {
    out.number(static_cast<std::int64_t>(change.on));
    out.text(change.counter);
    out.number(change.add);
  }
}
FlowState get_flow(ByteReader& in) {
  FlowState flow;
  const auto at = in.number();
  flow.at = static_cast<Passage>(at / 2);
  flow.resumes = at % 2 != 0;
  const auto locks = in.number();
  for (std::int64_t i = 0; i < locks && in.ok(); ++i) {
    HeldLock lock;
    lock.name = in.text();
    lock.permits = in.number();
    lock.asked_at = static_cast<workflows::StateIndex>(in.number());
    lock.through = static_cast<workflows::StateIndex>(in.number());
    lock.granted = in.number() != 0;
    flow.locks.push_back(std::move(lock));
  }
  const auto owed = in.number();
  for (std::int64_t i = 0; i < owed && in.ok(); ++i) {
    OwedChange change;
    change.on = static_cast<workflows::CounterOn>(in.number());
    change.counter = in.text();
    change.add = in.number();
    flow.owed.push_back(std::move(change));
  }
  return flow;
}
void put(ByteWriter& out, const DoorWait& door) {
  out.number(static_cast<std::int64_t>(door.kind));
  out.text(door.name);
  out.number(door.place);
  out.number(static_cast<std::int64_t>(door.test));
  out.number(door.bound);
}
DoorWait get_door(ByteReader& in) {
  DoorWait door;
  door.kind = static_cast<DoorWait::Kind>(in.number());
  door.name = in.text();
  door.place = in.number();
  door.test = static_cast<workflows::CounterTest>(in.number());
  door.bound = in.number();
  return door;
}
constexpr std::int64_t slots_max = 1 << 12;
}  // namespace

std::string encode(const FrameRow& row) {
  std::string bytes;
  bytes.reserve(64);
  bytes.push_back(format_2);
  ByteWriter out(bytes);
  const Frame& f = row.frame;
  out.number(row.run.value == f.id.value ? 0 : row.run.value);
  out.number(row.version_id);
  out.number(f.state == workflows::no_state ? 0 : std::int64_t{f.state} + 1);
  out.number(f.entries);
  out.number(f.retry_count);
  out.number(static_cast<std::int64_t>(f.retries.size()));
  for (const auto n : f.retries) out.number(n);
  out.number(f.transitions);
  out.number(f.entered_at.us);
  out.number(row.input_ref.seq);
  out.number(row.input_ref.slot);
  out.number(row.last_seq);
  out.number(row.fence);
  out.number(row.priority);
  out.number(row.timeout_due);
  out.number(row.run_timeout_due);
  out.number(row.heartbeat_us);
  out.number(row.pause_base);
  out.number(row.token_number);
  out.number(row.body_ref.seq);
  out.number(row.body_ref.slot);
  out.number(row.held_delay_us);
  out.number(row.held_timeout_us);
  out.number(row.held_run_timeout_us);
  out.number(row.attempts);
  out.text(row.failures);
  std::int64_t parts = 0;
  if (f.parent.value != 0) parts |= has_parent;
  if (f.item.index >= 0) parts |= has_item;
  if (f.item.key) parts |= has_key;
  if (!f.item.source.empty()) parts |= has_source;
  if (row.variables_ref) parts |= has_variables;
  if (row.spawned != 0) parts |= has_spawned;
  if (row.stopping.now) parts |= has_stopping;
  if (row.pending.kind != Pending::Kind::none) parts |= has_pending;
  if (row.child_run) parts |= has_child_run;
  if (row.waiter.value != 0) parts |= has_waiter;
  if (!row.headers.empty()) parts |= has_headers;
  if (row.event_since != 0) parts |= has_event;
  if (!row.events_had.empty()) parts |= has_events_had;
  if (row.door.kind != DoorWait::Kind::none) parts |= has_door;
  if (!f.flow.empty()) parts |= has_flow;
  if (row.room.queue != 0) parts |= has_room_wait;
  if (row.undoing.stage != Undoing::Stage::none) parts |= has_undoing;
  out.number(parts);
  if (parts & has_parent) {
    out.number(f.parent.value);
    out.number(row.index);
    out.number(row.spawn);
  }
  if (parts & has_item) {
    out.number(f.item.index);
    put(out, row.item_ref);
  }
  if (parts & has_key) out.text(*f.item.key);
  if (parts & has_variables) put(out, row.variables_ref);
  if (parts & has_spawned) {
    out.number(row.spawned);
    out.text(row.plan);
  }
  if (parts & has_stopping) {
    put(out, row.stopping.fault);
    out.number((row.stopping.of_branch ? 1 : 0) | (row.stopping.dead_letter ? 2 : 0) |
               (row.stopping.compensate ? 4 : 0));
    out.number(row.stopping.child + 1);
    out.number(row.stopping.run_status);
  }
  if (parts & has_pending) {
    out.number(static_cast<std::int64_t>(row.pending.kind));
    put(out, row.pending.output);
    put(out, row.pending.fault);
    out.number(row.pending.run.value);
  }
  if (parts & has_child_run) out.number(row.child_run.value);
  if (parts & has_waiter) out.number(row.waiter.value);
  if (parts & has_headers) out.text(row.headers);
  if (parts & has_source) out.text(f.item.source);
  if (parts & has_event) {
    out.number(row.event_since);
    out.text(row.event_name);
    out.text(row.event_key);
  }
  if (parts & has_events_had) {
    out.number(static_cast<std::int64_t>(row.events_had.size()));
    for (const auto& had : row.events_had) {
      out.text(had.name);
      out.text(had.key);
      out.number(had.id.value);
    }
  }
  if (parts & has_door) put(out, row.door);
  if (parts & has_flow) put(out, f.flow);
  if (parts & has_room_wait) {
    out.number(row.room.queue);
    out.number(row.room.place);
    out.number(row.room.due);
    out.number(row.room.priority);
    out.text(row.room.order_key);
  }
  if (parts & has_undoing) {
    out.number(static_cast<std::int64_t>(row.undoing.stage));
    out.number(row.undoing.ends_as);
    put(out, row.undoing.fault);
    out.number(row.undoing.seq);
  }
  return bytes;
}

FrameRow decode_frame(FrameId id, std::string_view bytes) {
  FrameRow row;
  const char format = bytes.empty() ? '\0' : bytes.front();
  if (format != format_1 && format != format_2)
    throw storage::StorageError(storage::Fault::corrupt,
                                "frame " + to_string(id) + ": expected a frame of format 1 or 2");
  ByteReader in(bytes.substr(1));
  Frame& f = row.frame;
  f.id = id;
  const auto run = in.number();
  row.run = RunId{run == 0 ? id.value : run};
  row.version_id = in.number();
  const auto state = in.number();
  f.state = state <= 0 ? workflows::no_state : static_cast<workflows::StateIndex>(state - 1);
  f.entries = static_cast<std::uint32_t>(in.number());
  f.retry_count = static_cast<std::uint32_t>(in.number());
  const auto retries = in.number();
  for (std::int64_t i = 0; i < retries && in.ok(); ++i)
    f.retries.push_back(static_cast<std::uint32_t>(in.number()));
  f.transitions = in.number();
  f.entered_at = WallTime{in.number()};
  row.input_ref.seq = in.number();
  row.input_ref.slot = static_cast<std::uint32_t>(in.number());
  row.last_seq = in.number();
  row.fence = in.number();
  row.priority = static_cast<int>(in.number());
  row.timeout_due = in.number();
  row.run_timeout_due = in.number();
  row.heartbeat_us = in.number();
  row.pause_base = in.number();
  row.token_number = in.number();
  row.body_ref.seq = in.number();
  row.body_ref.slot = static_cast<std::uint32_t>(in.number());
  row.held_delay_us = in.number();
  row.held_timeout_us = in.number();
  row.held_run_timeout_us = in.number();
  row.attempts = in.number();
  row.failures = in.text();
  const std::int64_t parts = format == format_1 ? 0 : in.number();
  if (parts & has_parent) {
    f.parent = FrameId{in.number()};
    row.index = in.number();
    row.spawn = in.number();
  }
  if (parts & has_item) {
    f.item.index = in.number();
    row.item_ref = get_ref(in);
  }
  if (parts & has_key) f.item.key = std::string(in.text());
  if (parts & has_variables) row.variables_ref = get_ref(in);
  if (parts & has_spawned) {
    row.spawned = in.number();
    row.plan = in.text();
  }
  if (parts & has_stopping) {
    row.stopping.now = true;
    row.stopping.fault = get_fault(in);
    const auto flags = in.number();
    row.stopping.of_branch = (flags & 1) != 0;
    row.stopping.dead_letter = (flags & 2) != 0;
    row.stopping.compensate = (flags & 4) != 0;
    const auto child = in.number();
    row.stopping.child = child <= 0 ? -1 : child - 1;
    row.stopping.run_status = static_cast<int>(in.number());
  }
  if (parts & has_pending) {
    row.pending.kind = static_cast<Pending::Kind>(in.number());
    row.pending.output = get_ref(in);
    row.pending.fault = get_fault(in);
    row.pending.run = RunId{in.number()};
  }
  if (parts & has_child_run) row.child_run = RunId{in.number()};
  if (parts & has_waiter) row.waiter = FrameId{in.number()};
  if (parts & has_headers) row.headers = in.text();
  if (parts & has_source) f.item.source = in.text();
  if (parts & has_event) {
    row.event_since = in.number();
    row.event_name = in.text();
    row.event_key = in.text();
  }
  if (parts & has_events_had) {
    const auto count = in.number();
    for (std::int64_t i = 0; i < count && in.ok(); ++i) {
      std::string name(in.text()), key(in.text());
      row.events_had.push_back({std::move(name), std::move(key), EventId{in.number()}});
    }
  }
  if (parts & has_door) row.door = get_door(in);
  if (parts & has_flow) f.flow = get_flow(in);
  if (parts & has_room_wait) {
    row.room.queue = in.number();
    row.room.place = in.number();
    row.room.due = in.number();
    row.room.priority = static_cast<int>(in.number());
    row.room.order_key = in.text();
  }
  if (parts & has_undoing) {
    row.undoing.stage = static_cast<Undoing::Stage>(in.number());
    row.undoing.ends_as = static_cast<int>(in.number());
    row.undoing.fault = get_fault(in);
    row.undoing.seq = in.number();
  }
  if (!in.ok() || !in.done())
    throw storage::StorageError(storage::Fault::corrupt,
                                "frame " + to_string(id) + ": its row is damaged");
  return row;
}

EventId event_had(const FrameRow& row, std::string_view name, std::string_view key) {
  for (const auto& had : row.events_had)
    if (had.name == name && had.key == key) return had.id;
  return {};
}

void note_event_had(FrameRow& row, const std::string& name, const std::string& key, EventId id) {
  std::erase_if(row.events_had,
                [&](const auto& had) { return had.name == name && had.key == key; });
  if (row.events_had.size() == events_had_max) row.events_had.erase(row.events_had.begin());
  row.events_had.push_back({name, key, id});
}

std::int64_t pack(DocRef ref) { return ref.seq * slots_max + ref.slot; }
DocRef unpack(std::int64_t packed) {
  return {packed / slots_max, static_cast<std::uint32_t>(packed % slots_max)};
}

}  // namespace sluice::orchestrator
