#include "orchestrator/frame_row.h"

#include "base/varint.h"
#include "storage/storage.h"

namespace sluice::orchestrator {
namespace {
constexpr char format_1 = 1;
constexpr std::int64_t slots_max = 1 << 12;
}  // namespace

std::string encode(const FrameRow& row) {
  std::string bytes;
  bytes.reserve(64);
  bytes.push_back(format_1);
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
  return bytes;
}

FrameRow decode_frame(FrameId id, std::string_view bytes) {
  FrameRow row;
  if (bytes.empty() || bytes.front() != format_1)
    throw storage::StorageError(storage::Fault::corrupt,
                                "frame " + to_string(id) + ": expected a frame of format 1");
  ByteReader in(bytes.substr(1));
  Frame& f = row.frame;
  f.id = id;
  const auto run = in.number();
  row.run = RunId{run == 0 ? id.value : run};
  row.version_id = in.number();
  const auto state = in.number();
  f.state = state == 0 ? workflows::no_state : static_cast<workflows::StateIndex>(state - 1);
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
  if (!in.ok() || !in.done())
    throw storage::StorageError(storage::Fault::corrupt,
                                "frame " + to_string(id) + ": its row is damaged");
  return row;
}

std::int64_t pack(DocRef ref) { return ref.seq * slots_max + ref.slot; }
DocRef unpack(std::int64_t packed) {
  return {packed / slots_max, static_cast<std::uint32_t>(packed % slots_max)};
}

}  // namespace sluice::orchestrator
