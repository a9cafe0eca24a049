// What the HTTP side counts about itself, and the Prometheus text of everything.
//
// Thread-safe: counters are atomics, the rest is constant.
#pragma once

#include <array>
#include <atomic>
#include <cstdint>
#include <memory>
#include <span>
#include <string>

#include "api/router.h"

namespace sluice::api {

class Metrics {
 public:
  // `routes` must outlive this.
  explicit Metrics(const std::vector<Route>& routes);

  // `route`: nothing where none was found.
  void count_request(const Route* route, int status, Duration taken);

  std::atomic<std::int64_t> connections{0};
  std::atomic<std::uint64_t> connections_accepted{0}, connections_refused{0};
  std::atomic<std::uint64_t> time_outs{0};

  // The text of /metrics.
  std::string render(const Context& context) const;

 private:
  // Seconds; fixed, so that rates over restarts and servers can be added up.
  static constexpr std::array bounds_us{500,       1'000,     2'500,     5'000,   10'000,
                                        25'000,    50'000,    100'000,   250'000, 500'000,
                                        1'000'000, 2'500'000, 10'000'000};
  static constexpr std::array statuses{200, 201, 202, 400, 404, 405, 408, 409, 413,
                                       417, 422, 426, 429, 431, 500, 501, 503};
  struct PerRoute {
    std::array<std::atomic<std::uint64_t>, statuses.size() + 1> by_status{};  // the last: any other
    std::array<std::atomic<std::uint64_t>, bounds_us.size() + 1> buckets{};   // not cumulative
    std::atomic<std::uint64_t> taken_us{0};
  };
  const std::vector<Route>& routes_;
  std::unique_ptr<PerRoute[]> per_route_;  // one more than routes: what matched none
};

}  // namespace sluice::api
