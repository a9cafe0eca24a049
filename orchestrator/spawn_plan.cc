#include "orchestrator/spawn_plan.h"

#include <cmath>

#include "base/varint.h"
#include "storage/storage.h"

namespace sluice::orchestrator {
namespace {

constexpr char format_1 = 1;
constexpr double percentage_unit = 1e6;

DocRef ref_of(const Doc& doc) { return doc ? doc.ref() : DocRef{}; }

}  // namespace

SpawnPlan plan_of(const SpawnBranches& spawn) {
  SpawnPlan plan;
  plan.input = ref_of(spawn.input);
  return plan;
}

SpawnPlan plan_of(const SpawnItems& spawn) {
  SpawnPlan plan;
  plan.items = true;
  plan.input = ref_of(spawn.input);
  plan.list = ref_of(spawn.items);
  plan.reader = ref_of(spawn.reader);
  plan.batch_input = ref_of(spawn.batch_input);
  plan.writer = ref_of(spawn.writer);
  plan.items_max = spawn.items_max;
  plan.concurrency_max = spawn.concurrency_max;
  plan.tolerated_count = spawn.tolerated_count;
  plan.tolerated_percentage = spawn.tolerated_percentage;
  plan.batch_items_max = spawn.batch_items_max;
  plan.batch_bytes_max = spawn.batch_bytes_max;
  return plan;
}

std::string encode(const SpawnPlan& plan) {
  std::string bytes(1, format_1);
  ByteWriter out(bytes);
  out.number(plan.items ? 1 : 0);
  for (const DocRef& ref : {plan.input, plan.list, plan.reader, plan.batch_input, plan.writer}) {
    out.number(ref.seq);
    out.number(ref.slot);
  }
  out.number(plan.items_max);
  out.number(plan.concurrency_max);
  out.number(plan.tolerated_count);
  out.number(std::llround(plan.tolerated_percentage * percentage_unit));
  out.number(plan.batch_items_max);
  out.number(plan.batch_bytes_max);
  return bytes;
}

SpawnPlan decode_plan(FrameId frame, std::string_view bytes) {
  SpawnPlan plan;
  ByteReader in(bytes.empty() ? bytes : bytes.substr(1));
  plan.items = in.number() != 0;
  for (DocRef* ref : {&plan.input, &plan.list, &plan.reader, &plan.batch_input, &plan.writer}) {
    ref->seq = in.number();
    ref->slot = static_cast<std::uint32_t>(in.number());
  }
  plan.items_max = in.number();
  plan.concurrency_max = in.number();
  plan.tolerated_count = in.number();
  plan.tolerated_percentage = static_cast<double>(in.number()) / percentage_unit;
  plan.batch_items_max = in.number();
  plan.batch_bytes_max = in.number();
  if (bytes.empty() || bytes.front() != format_1 || !in.ok() || !in.done())
    throw storage::StorageError(storage::Fault::corrupt,
                                "frame " + to_string(frame) + ": what it spawns cannot be read");
  return plan;
}

}  // namespace sluice::orchestrator
