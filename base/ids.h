// Identifiers are types, so that swapping two of them does not compile.
//
// Run, frame, message, dead-letter and schedule ids come from one time-ordered space: 42 bits of
// milliseconds since 2020, then 21 bits that count within the millisecond. New rows therefore land
// at the right end of their table. In text they are 13 characters of Crockford's base 32, which
// sort as the numbers do.
#pragma once

#include <compare>
#include <cstdint>
#include <functional>
#include <optional>
#include <string>
#include <string_view>

#include "base/time.h"

namespace sluice {

template <class Tag>
struct Id {
  std::int64_t value = 0;
  auto operator<=>(const Id&) const = default;
  explicit operator bool() const { return value != 0; }
};

using RunId = Id<struct RunTag>;
using FrameId = Id<struct FrameTag>;      // the root frame's number is its run's
using MessageId = Id<struct MessageTag>;  // a stage message's number is its frame's
using EventId = Id<struct EventTag>;      // of an event that was published
using DeadLetterId = Id<struct DeadLetterTag>;
using ScheduleId = Id<struct ScheduleTag>;
using WorkflowId = Id<struct WorkflowTag>;  // one deployed name
using QueueId = Id<struct QueueTag>;
using SessionId = Id<struct SessionTag>;  // 0: a REST lease, which belongs to no session

// 13 characters, lower case.
std::string to_base32(std::int64_t id);
// Case-insensitive; nothing unless it is 13 characters of the alphabet and not negative.
std::optional<std::int64_t> parse_base32(std::string_view text);

template <class Tag>
std::string to_string(Id<Tag> id) {
  return to_base32(id.value);
}
template <class Tag>
std::optional<Id<Tag>> parse_id(std::string_view text) {
  const auto value = parse_base32(text);
  if (!value || *value == 0) return std::nullopt;
  return Id<Tag>{*value};
}

// Gives ids that only grow, whatever the clock does. Not thread-safe, caller serialises.
class IdSource {
 public:
  // `last`: the largest id in use, so that a clock set back cannot give one again.
  explicit IdSource(std::int64_t last = 0) : last_(last) {}
  std::int64_t next(WallTime now);
  std::int64_t last() const { return last_; }

 private:
  std::int64_t last_;
};

}  // namespace sluice

template <class Tag>
struct std::hash<sluice::Id<Tag>> {
  std::size_t operator()(sluice::Id<Tag> id) const noexcept {
    // Ids differ mostly in their low bits' neighbours; spread them.
    return static_cast<std::size_t>(static_cast<std::uint64_t>(id.value) * 0x9E3779B97F4A7C15ULL >>
                                    7);
  }
};
