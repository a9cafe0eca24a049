#include "bench/book.h"

#include <fmt/format.h>

#include <algorithm>
#include <charconv>
#include <stdexcept>

namespace sluice::bench {
namespace {

// Found with its number in what the server sends back, so it must stand nowhere else in a task.
constexpr std::string_view mark = "\"order_number\":1";

}  // namespace

Book::Book(const Plan& plan) : plan_(plan), started_(static_cast<std::size_t>(plan.in_flight)) {
  for (auto slot = static_cast<Slot>(plan.in_flight); slot > 0; --slot) free_.push_back(slot - 1);
}

int Book::wanted(std::int64_t now) {
  if (closed_) return 0;
  const int room = plan_.in_flight - under_way_;
  if (!paced()) return room;
  if (next_due_ == 0) next_due_ = static_cast<double>(now);
  const double behind = static_cast<double>(now) - next_due_;
  if (behind < 0) return 0;
  const double due = behind * plan_.runs_per_second / 1e6 + 1;
  return static_cast<int>(std::min<double>(room, due));
}

Slot Book::start(std::int64_t now) {
  const Slot slot = free_.back();
  free_.pop_back();
  started_[slot] = now;
  if (paced()) {
    started_[slot] = static_cast<std::int64_t>(next_due_);
    next_due_ += 1e6 / plan_.runs_per_second;
  }
  ++under_way_;
  return slot + plan_.first_slot;
}

void Book::deliver(std::int64_t now) {
  if (first_delivery() == 0) first_delivery_.store(now, std::memory_order_relaxed);
}

void Book::finish(Slot numbered, std::int64_t now) {
  if (numbered < plan_.first_slot) return;
  const Slot slot = numbered - plan_.first_slot;
  if (slot >= started_.size() || started_[slot] == 0)
    throw std::runtime_error(
        fmt::format("the end of a run that is not under way: slot {}", numbered));
  if (measuring_.load(std::memory_order_relaxed)) latencies_.add(now - started_[slot]);
  started_[slot] = 0;
  free_.push_back(slot);
  --under_way_;
  finished_.fetch_add(1, std::memory_order_relaxed);
}

Payload::Payload(std::size_t payload_bytes) {
  head_ = fmt::format("{{{}", mark);
  tail_ = R"(,"customer":"c-48213","currency":"EUR","total":129.9,"note":")";
  const std::string_view end = "\"}";
  const std::size_t used = head_.size() + digits + tail_.size() + end.size();
  // Text that is no pattern: letters from a small generator.
  std::uint32_t state = 1;
  for (std::size_t n = used; n < payload_bytes; ++n) {
    state = state * 1'664'525U + 1'013'904'223U;
    tail_ += static_cast<char>('a' + (state >> 24U) % 26U);
  }
  tail_ += end;
}

void Payload::append(std::string& out, Slot slot) const {
  out += head_;
  char number[digits];
  for (std::size_t n = digits; n > 0; --n, slot /= 10)
    number[n - 1] = static_cast<char>('0' + slot % 10);
  out.append(number, digits);
  out += tail_;
}

Slot Payload::slot_in(std::string_view text) {
  const auto at = text.find(mark);
  Slot slot = 0;
  if (at != std::string_view::npos && text.size() >= at + mark.size() + digits) {
    const char* first = text.data() + at + mark.size();
    if (std::from_chars(first, first + digits, slot).ec == std::errc()) return slot;
  }
  throw std::runtime_error(fmt::format("expected an order, found {:.200}", text));
}

}  // namespace sluice::bench
