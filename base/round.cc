#include "base/round.h"

#include <utility>

namespace sluice {
namespace {

thread_local Round* open_round = nullptr;

}  // namespace

Round::Round() noexcept : outermost_(open_round == nullptr) {
  if (outermost_) open_round = this;
}

Round::~Round() {
  if (!outermost_) return;
  // An action that puts something off has it done at once.
  open_round = nullptr;
  for (const auto& action : put_off_) action();
}

void Round::at_end(std::function<void()> action) {
  if (open_round == nullptr) return action();
  open_round->put_off_.push_back(std::move(action));
}

}  // namespace sluice
