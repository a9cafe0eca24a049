#include "api/io_thread.h"

#include <ctime>

#include "api/connection.h"

namespace sluice::api {
namespace {

// RFC 9110: "Sun, 06 Nov 1994 08:49:37 GMT", whatever the locale.
std::string http_date(WallTime now) {
  static constexpr const char* days[] = {"Sun", "Mon", "Tue", "Wed", "Thu", "Fri", "Sat"};
  static constexpr const char* months[] = {"Jan", "Feb", "Mar", "Apr", "May", "Jun",
                                           "Jul", "Aug", "Sep", "Oct", "Nov", "Dec"};
  const std::time_t time = now.us / 1'000'000;
  std::tm utc{};
  gmtime_r(&time, &utc);
  return fmt::format("{}, {:02} {} {} {:02}:{:02}:{:02} GMT", days[utc.tm_wday], utc.tm_mday,
                     months[utc.tm_mon], utc.tm_year + 1900, utc.tm_hour, utc.tm_min, utc.tm_sec);
}

}  // namespace

IoThread::IoThread(Context& context)
    : work_(io_.get_executor()),
      timer_(io_),
      tick_us_(std::max<std::int64_t>(context.limits.tick.us, 1'000)),
      context_(context),
      date_(http_date(context.engine.wall_now())) {}

IoThread::~IoThread() { join(); }

void IoThread::start() {
  arm();
  thread_ = std::thread([this] {
    for (;;) {
      try {
        io_.run();
        return;
      } catch (const std::exception& failure) {
        // A handler that throws leaves run(); the other connections go on.
        if (context_.log) context_.log(std::string("an I/O handler failed: ") + failure.what());
      }
    }
  });
}

void IoThread::join() {
  if (!thread_.joinable()) return;
  post([this] {
    timer_.cancel();
    work_.reset();
    io_.stop();
  });
  thread_.join();
}

void IoThread::arm() {
  timer_.expires_after(std::chrono::microseconds(tick_us_));
  timer_.async_wait([this](const boost::system::error_code& error) {
    if (error) return;
    turn();
    arm();
  });
}

void IoThread::turn() {
  ++tick_;
  date_ = http_date(context_.engine.wall_now());
  for (Connection* connection : timed_) connection->look_at_deadline(tick_);
}

}  // namespace sluice::api
