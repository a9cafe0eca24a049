#include "orchestrator/log_format.h"

#include "base/varint.h"
#include "orchestrator/packing.h"
#include "storage/storage.h"

namespace sluice::orchestrator {
namespace {

constexpr char format_1 = 1, format_2 = 2;
// What one large row took is given back.
constexpr std::size_t kept_bytes_max = 256 << 10;

// Which fields follow a record's kind.
enum Field : std::int64_t {
  has_state = 1 << 0,
  has_doc_here = 1 << 1,
  has_doc_there = 1 << 2,
  has_error = 1 << 3,
  has_cause = 1 << 4,
  has_number = 1 << 5,
  has_delay = 1 << 6,
  has_handout = 1 << 7,
  has_queue = 1 << 8,
  has_kept_frame = 1 << 9,
  has_note = 1 << 10,
  has_until = 1 << 11,
};

[[noreturn]] void corrupt(std::int64_t seq) {
  throw storage::StorageError(
      storage::Fault::corrupt,
      "log row " + std::to_string(seq) + " is damaged: its events cannot be read");
}

}  // namespace

void LogEncoder::begin(std::int64_t seq) {
  seq_ = seq;
  packed_ = false;
  for (std::string* bytes : {&records_, &events_, &docs_, &packed_docs_}) {
    bytes->clear();
    if (bytes->capacity() > kept_bytes_max) bytes->shrink_to_fit();
  }
  sizes_.clear();
  placed_.clear();
}

void LogEncoder::place(const Doc& doc) {
  if (!doc || doc.ref()) return;
  const std::string& text = doc.text();
  doc.set_ref({seq_, static_cast<std::uint32_t>(sizes_.size())});
  sizes_.push_back(static_cast<std::int64_t>(text.size()));
  docs_ += text;
  placed_.push_back(doc);
}

void LogEncoder::add(const LogRecord& r) {
  add(r.record, {.doc_ref = r.doc_ref,
                 .fence = r.fence,
                 .attempt = r.attempt,
                 .worker = r.worker,
                 .started_at = r.started_at,
                 .queue = r.queue,
                 .kept_frame = r.kept_frame,
                 .note = r.note,
                 .until = r.until});
}

void LogEncoder::add(const Record& record, const Beside& r) {
  place(record.doc);
  const DocRef ref = record.doc ? record.doc.ref() : r.doc_ref;
  std::int64_t fields = 0;
  if (record.state != workflows::no_state) fields |= has_state;
  if (ref) fields |= ref.seq == seq_ ? has_doc_here : has_doc_there;
  if (record.fault.error) fields |= has_error;
  if (record.fault.cause) fields |= has_cause;
  if (record.number != 0) fields |= has_number;
  if (record.delay.us != 0) fields |= has_delay;
  if (r.fence != 0) fields |= has_handout;
  if (!r.queue.empty()) fields |= has_queue;
  if (!r.kept_frame.empty()) fields |= has_kept_frame;
  const std::string_view note = r.note.empty() ? std::string_view(record.note) : r.note;
  if (!note.empty()) fields |= has_note;
  if (r.until) fields |= has_until;

  ByteWriter out(records_);
  out.number(static_cast<std::int64_t>(record.kind));
  out.number(fields);
  if (fields & has_state) out.number(record.state);
  if (fields & has_doc_there) out.number(ref.seq);
  if (fields & (has_doc_here | has_doc_there)) out.number(ref.slot);
  if (fields & has_error) out.text(*record.fault.error);
  if (fields & has_cause) out.text(*record.fault.cause);
  if (fields & has_number) out.number(record.number);
  if (fields & has_delay) out.number(record.delay.us);
  if (fields & has_handout) {
    out.number(r.fence);
    out.number(r.attempt);
    out.text(r.worker);
    out.number(r.started_at.us);
  }
  if (fields & has_queue) out.text(r.queue);
  if (fields & has_kept_frame) out.text(r.kept_frame);
  if (fields & has_note) out.text(note);
  if (fields & has_until) out.number(r.until->us);
}

const std::string& LogEncoder::events() {
  packed_ = docs_.size() >= packed_from_bytes && pack_bytes(docs_, packed_docs_);
  events_.clear();
  events_.push_back(packed_ ? format_2 : format_1);
  ByteWriter out(events_);
  out.number(static_cast<std::int64_t>(sizes_.size()));
  for (const auto size : sizes_) out.number(size);
  events_ += records_;
  return events_;
}

std::vector<LogRecord> decode_events(std::int64_t seq, std::string_view events) {
  if (events.empty() || (events.front() != format_1 && events.front() != format_2)) corrupt(seq);
  ByteReader in(events.substr(1));
  for (auto docs = in.number(); docs > 0 && in.ok(); --docs) in.number();
  std::vector<LogRecord> records;
  while (in.ok() && !in.done()) {
    LogRecord r;
    r.record.kind = static_cast<Kind>(in.number());
    const auto fields = in.number();
    if (fields & has_state) r.record.state = static_cast<workflows::StateIndex>(in.number());
    if (fields & has_doc_here) r.doc_ref.seq = seq;
    if (fields & has_doc_there) r.doc_ref.seq = in.number();
    if (fields & (has_doc_here | has_doc_there))
      r.doc_ref.slot = static_cast<std::uint32_t>(in.number());
    if (fields & has_error) r.record.fault.error = in.text();
    if (fields & has_cause) r.record.fault.cause = in.text();
    if (fields & has_number) r.record.number = in.number();
    if (fields & has_delay) r.record.delay.us = in.number();
    if (fields & has_handout) {
      r.fence = in.number();
      r.attempt = in.number();
      r.worker = in.text();
      r.started_at = WallTime{in.number()};
    }
    if (fields & has_queue) r.queue = in.text();
    if (fields & has_kept_frame) r.kept_frame = in.text();
    if (fields & has_note) r.note = in.text();
    if (fields & has_until) r.until = WallTime{in.number()};
    records.push_back(std::move(r));
  }
  if (!in.ok()) corrupt(seq);
  return records;
}

std::string doc_of(std::string_view events, std::string_view docs, std::uint32_t slot) {
  const char format = events.empty() ? '\0' : events.front();
  SLUICE_CHECK(format == format_1 || format == format_2, "a log row of format 1 or 2");
  ByteReader in(events.substr(1));
  const auto count = in.number();
  SLUICE_CHECK(static_cast<std::int64_t>(slot) < count, "a document that the row has");
  std::size_t at = 0, size = 0, all = 0;
  for (std::int64_t i = 0; i < count && in.ok(); ++i) {
    const auto bytes = static_cast<std::size_t>(in.number());
    if (i == static_cast<std::int64_t>(slot)) {
      at = all;
      size = bytes;
    }
    all += bytes;
  }
  if (format == format_1) return std::string(docs.substr(at, size));
  const auto unpacked = unpack_bytes(docs, all);
  if (!unpacked)
    throw storage::StorageError(storage::Fault::corrupt,
                                "a log row is damaged: its documents cannot be unpacked");
  return unpacked->substr(at, size);
}

}  // namespace sluice::orchestrator
