// Any bytes as a row of the database: a frame or a log row, or StorageError and nothing else. What
// is read is written and read back the same.
#include "base/doc.h"
#include "orchestrator/frame_row.h"
#include "orchestrator/log_format.h"
#include "storage/storage.h"
#include "targets.h"

namespace sluice::fuzz {
namespace {
using namespace orchestrator;

constexpr std::int64_t row_seq = 100;

void run_frame(std::string_view bytes) {
  const FrameId id{17};
  try {
    const std::string written = encode(decode_frame(id, bytes));
    SLUICE_CHECK(encode(decode_frame(id, written)) == written, "a frame is read back the same");
  } catch (const storage::StorageError& error) {
    SLUICE_CHECK(error.fault() == storage::Fault::corrupt, "a row that is damaged");
    check_sendable(error.what());
  }
}

void run_log(std::string_view bytes) {
  try {
    LogEncoder encoder(row_seq);
    const auto records = decode_events(row_seq, bytes);
    for (const LogRecord& record : records) encoder.add(record);
    LogEncoder again(row_seq);
    for (const LogRecord& record : decode_events(row_seq, encoder.events())) again.add(record);
    SLUICE_CHECK(again.events() == encoder.events(), "a log row is read back the same");
  } catch (const storage::StorageError& error) {
    SLUICE_CHECK(error.fault() == storage::Fault::corrupt, "a row that is damaged");
    check_sendable(error.what());
  }
}

}  // namespace

void stored_rows(std::string_view bytes) {
  run_frame(bytes);
  run_log(bytes);
}

}  // namespace sluice::fuzz
