// Task tokens: which hand-out of which work, in text that a URL can carry and only this database
// can make.
//
// A token is the number of the message and its fence, or for a .waitForTaskToken state of the frame
// and the transition that scheduled it, with eight bytes of AES-128 over them under the database's
// secret as the proof. It says nothing about whether the hand-out is still current; the engine
// does.
//
// Threads: not thread-safe, caller serialises (the writer thread).
#pragma once

#include <memory>
#include <optional>
#include <string>
#include <string_view>

#include "base/ids.h"

namespace sluice::orchestrator {

enum class TokenKind : std::uint8_t { handout = 1, callback = 2 };

struct TaskToken {
  TokenKind kind = TokenKind::handout;
  std::int64_t id = 0;      // message; callback: frame
  std::int64_t number = 0;  // fence; callback: the log row that scheduled the task
  RunId run;                // of a stage's message or frame; 0: a bare message
};

class Tokens {
 public:
  // REQUIRES: 16 bytes.
  explicit Tokens(std::string_view secret);
  ~Tokens();
  std::string make(const TaskToken& token);
  // Nothing: not a token that this database made.
  std::optional<TaskToken> read(std::string_view text);

 private:
  struct Cipher;
  std::unique_ptr<Cipher> cipher_;
};

}  // namespace sluice::orchestrator
