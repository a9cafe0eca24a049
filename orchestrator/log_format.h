// One row of the log: a transition's events and the documents they speak of.
//
// `events`, format 1: a version byte; how many documents there are and the size of each; then
// records until the end. A record is its kind, a byte of flags that says which fields follow, and
// those fields, as numbers and strings of base/varint.h. A document is in this row (a slot) or in
// an earlier one (seq and slot): a payload that only passes through is stored once. `docs` is the
// row's documents, one after the other; in format 2, which is otherwise the same, they are packed
// together (packing.h). To change the format: add format 3, keep reading 1 and 2.
#pragma once

#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "orchestrator/interpreter.h"

namespace sluice::orchestrator {

// A record as stored: the interpreter's, and what the engine knows beside it.
struct LogRecord {
  Record record;
  DocRef doc_ref;  // where record.doc is stored; 0: the record has none
  // task_started, and what ends it: which hand-out.
  std::int64_t fence = 0;
  std::int64_t attempt = 0;
  std::string worker;
  WallTime started_at;     // task_started happened then, not when the row was written
  std::string queue;       // task_scheduled
  std::string kept_frame;  // an ending that can be redriven: the frame as it stood (frame_row.h)
  std::string note;        // an operator's word, a dead letter's id
  std::optional<WallTime> until;  // a Wait's time
};

struct LogRow {
  std::int64_t seq = 0;
  RunId run;
  FrameId frame;
  std::int64_t prev = 0;
  WallTime at;
  std::vector<LogRecord> records;
};

class LogEncoder {
 public:
  explicit LogEncoder(std::int64_t seq = 0) : seq_(seq) {}
  // Begins another row. The memory that the last one took is used again.
  void begin(std::int64_t seq);

  // What the engine knows beside the interpreter's record; see LogRecord.
  struct Beside {
    DocRef doc_ref{};
    std::int64_t fence = 0;
    std::int64_t attempt = 0;
    std::string_view worker{};
    WallTime started_at{};
    std::string_view queue{};
    std::string_view kept_frame{};
    std::string_view note{};
    std::optional<WallTime> until{};
  };
  // Gives the record's document a place in this row unless it is stored already; the new references
  // are set on the Docs.
  void add(const Record& record, const Beside& beside);
  void add(const LogRecord& record);
  // Gives a document a place in this row, unless it is stored already.
  void place(const Doc& doc);
  // The row is complete. Valid until the next call of begin().
  const std::string& events();
  // REQUIRES: events() was called.
  const std::string& docs() const { return packed_ ? packed_docs_ : docs_; }
  // Docs that got their place in this row: to be forgotten if the row is rolled back.
  const std::vector<Doc>& placed() const { return placed_; }

 private:
  std::int64_t seq_;
  std::string records_;
  std::string events_;
  std::string docs_, packed_docs_;
  bool packed_ = false;
  std::vector<std::int64_t> sizes_;
  std::vector<Doc> placed_;
};

// Throws storage::StorageError (corrupt) for bytes that LogEncoder did not make. Documents are left
// as references.
std::vector<LogRecord> decode_events(std::int64_t seq, std::string_view events);
// The document in `slot` of a row. REQUIRES: the row has it. Throws storage::StorageError (corrupt)
// where what is packed cannot be unpacked.
std::string doc_of(std::string_view events, std::string_view docs, std::uint32_t slot);

}  // namespace sluice::orchestrator
