#include "api/hand_over.h"

#include <boost/asio/post.hpp>
#include <boost/asio/query.hpp>
#include <utility>
#include <vector>

#include "base/round.h"

namespace sluice::api {
namespace {

namespace asio = boost::asio;

using Functions = std::vector<std::function<void()>>;

struct Bundle {
  asio::any_io_executor executor;
  Functions functions;

  void operator()() {
    for (std::size_t n = 0; n < functions.size(); ++n) {
      try {
        functions[n]();
      } catch (...) {
        functions.erase(functions.begin(), functions.begin() + static_cast<std::ptrdiff_t>(n + 1));
        if (!functions.empty()) asio::post(executor, Bundle{executor, std::move(functions)});
        throw;
      }
    }
  }
};

// What this thread hands over in the round at hand, a bundle for each thread that gets something.
thread_local std::vector<Bundle> bundles;

void send() {
  for (Bundle& bundle : std::exchange(bundles, {})) {
    const asio::any_io_executor executor = bundle.executor;
    asio::post(executor, std::move(bundle));
  }
}

}  // namespace

void hand_over(const asio::any_io_executor& executor, std::function<void()> what) {
  const auto* const context = &asio::query(executor, asio::execution::context);
  const bool first = bundles.empty();
  auto at = bundles.begin();
  while (at != bundles.end() && &asio::query(at->executor, asio::execution::context) != context)
    ++at;
  if (at == bundles.end()) at = bundles.insert(at, {executor, {}});
  at->functions.push_back(std::move(what));
  if (first) Round::at_end(send);
}

}  // namespace sluice::api
