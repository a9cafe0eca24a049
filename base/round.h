// A round of work that calls many others, and what they put off to its end.
//
// A thread that answers hundreds in a row would have each of them wake another thread, which needs
// to be woken once. It opens a Round; whoever is called within puts the waking off. Where no round
// is open on the calling thread, nothing is put off. A round inside a round is part of it.
//
// Threads: a round belongs to the thread that opened it. Actions must not throw.
#pragma once

#include <functional>
#include <vector>

namespace sluice {

class Round {
 public:
  Round() noexcept;
  ~Round();  // does what was put off, in order
  Round(const Round&) = delete;
  Round& operator=(const Round&) = delete;

  // At the end of the calling thread's round; at once if there is none.
  static void at_end(std::function<void()> action);

 private:
  bool outermost_;
  std::vector<std::function<void()>> put_off_;
};

}  // namespace sluice
