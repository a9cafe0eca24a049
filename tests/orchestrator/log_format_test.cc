// A row of the log, there and back.
#include "orchestrator/log_format.h"

#include <doctest/doctest.h>

#include "orchestrator/packing.h"
#include "storage/storage.h"

namespace sluice::orchestrator {
namespace {

std::string text_of(std::size_t bytes, char letter) {
  return '"' + std::string(bytes, letter) + '"';
}

// Bytes without a pattern: nothing is gained by packing them.
std::string noise(std::size_t bytes) {
  std::string text;
  std::uint64_t state = 42;
  for (std::size_t i = 0; i < bytes; ++i) {
    state = state * 6'364'136'223'846'793'005ULL + 1'442'695'040'888'963'407ULL;
    text += static_cast<char>(state >> 33U & 0xFFU);
  }
  return text;
}

}  // namespace

TEST_CASE("documents of a row are found again by their place, small ones as they are") {
  LogEncoder encoder(7);
  const Doc a = Doc::from_text("1"), b = Doc::from_text(R"({"x":"y"})");
  encoder.place(a);
  encoder.place(b);
  encoder.place(a);  // It has its place.
  const std::string events = encoder.events(), docs = encoder.docs();
  CHECK(a.ref().slot == 0);
  CHECK(b.ref().slot == 1);
  CHECK(docs == R"(1{"x":"y"})");
  CHECK(doc_of(events, docs, 0) == "1");
  CHECK(doc_of(events, docs, 1) == R"({"x":"y"})");
}

TEST_CASE("large documents are packed where that saves something, and found again all the same") {
  LogEncoder encoder;
  for (const std::size_t bytes : {4'000U, 4'096U, 100'000U, 1'000'000U}) {
    CAPTURE(bytes);
    encoder.begin(9);
    const std::string first = text_of(bytes, 'x'), second = text_of(10, 'y');
    encoder.place(Doc::from_text(first));
    encoder.place(Doc::from_text(second));
    LogRecord record;
    record.record.kind = Kind::task_succeeded;
    record.note = "kept";
    encoder.add(record);
    const std::string events = encoder.events(), docs = encoder.docs();
    CHECK((docs.size() < 1'000) == (bytes >= 4'096));
    CHECK(doc_of(events, docs, 0) == first);
    CHECK(doc_of(events, docs, 1) == second);
    const auto records = decode_events(9, events);
    REQUIRE(records.size() == 1);
    CHECK(records[0].note == "kept");
  }
  std::string packed;
  CHECK_FALSE(pack_bytes(noise(10'000), packed));
}

TEST_CASE("packed documents that were damaged are corrupt, whatever is damaged") {
  LogEncoder encoder(1);
  encoder.place(Doc::from_text(text_of(20'000, 'z')));
  const std::string events = encoder.events(), docs = encoder.docs();
  CHECK_THROWS_AS((void)doc_of(events, docs.substr(0, docs.size() - 1), 0), storage::StorageError);
  CHECK_THROWS_AS((void)doc_of(events, "", 0), storage::StorageError);
  CHECK_THROWS_AS((void)doc_of(events, "not packed at all", 0), storage::StorageError);
  for (std::size_t i = 0; i < docs.size(); ++i) {
    std::string damaged = docs;
    damaged[i] = static_cast<char>(damaged[i] ^ 0x40);
    try {
      CHECK(doc_of(events, damaged, 0).size() == 20'002);
    } catch (const storage::StorageError& error) {
      CHECK(error.fault() == storage::Fault::corrupt);
    }
  }
  CHECK_FALSE(unpack_bytes(docs, std::size_t{1} << 62U).has_value());
}

}  // namespace sluice::orchestrator
