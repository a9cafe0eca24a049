// Regular expressions by PCRE2, set to JavaScript's rules where the two differ. Internal.
//
// A search is bounded: it starts with a small bound on its backtracking and is repeated with a
// larger one as long as `charge` lets it, so that its cost is counted and the same on every
// machine.
//
// Threads: a Regex is immutable; thread-safe.
#pragma once

#include <cstdint>
#include <functional>
#include <memory>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

namespace sluice::workflows::jsonata {

class Regex {
 public:
  // Throws Failure (S0303, at `position`) if `pattern` is not one. `flags`: i, m.
  Regex(std::string_view pattern, std::string_view flags, std::size_t position);
  ~Regex();
  Regex(const Regex&) = delete;
  Regex& operator=(const Regex&) = delete;

  struct Match {
    std::size_t start, end;
    std::vector<std::optional<std::string_view>> groups;
  };
  // What searches of one evaluation use again. Not thread-safe, caller serialises.
  class Scratch {
   public:
    Scratch();
    ~Scratch();
    Scratch(const Scratch&) = delete;
    Scratch& operator=(const Scratch&) = delete;

   private:
    friend class Regex;
    struct Memory;
    std::unique_ptr<Memory> memory_;
  };
  // The first match that starts at byte `from` or behind it. `charge` is told of work and throws
  // when there has been too much. `is_utf8`: the text is known to be valid, so that finding many
  // matches in it does not look at all of it each time.
  std::optional<Match> search(std::string_view text, std::size_t from, bool is_utf8,
                              Scratch& scratch,
                              const std::function<void(std::int64_t)>& charge) const;

 private:
  struct Code;
  std::unique_ptr<Code> code_;
};

}  // namespace sluice::workflows::jsonata
