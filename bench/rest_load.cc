#include <fmt/format.h>

#include <atomic>
#include <boost/asio/buffer.hpp>
#include <boost/asio/io_context.hpp>
#include <boost/asio/ip/tcp.hpp>
#include <boost/asio/post.hpp>
#include <boost/asio/steady_timer.hpp>
#include <boost/asio/write.hpp>
#include <charconv>
#include <deque>
#include <exception>
#include <functional>
#include <stdexcept>
#include <thread>

#include "bench/load.h"
#include "bench/server.h"

namespace sluice::bench {
namespace {

namespace asio = boost::asio;
using boost::system::error_code;

constexpr int items_max = 1000;
constexpr std::size_t request_bytes_max = 8 << 20;  // the server takes batches of 16 MiB
constexpr auto pace = std::chrono::microseconds(500);

// A connection that is kept, one request at a time.
class Http : public std::enable_shared_from_this<Http> {
 public:
  using OnAnswer = std::function<void(std::string_view body)>;

  Http(asio::io_context& context, std::uint16_t port, std::function<void(std::string)> on_failure)
      : socket_(context), on_failure_(std::move(on_failure)) {
    socket_.connect({asio::ip::address_v4::loopback(), port});
    socket_.set_option(asio::ip::tcp::no_delay(true));
    in_.resize(256 << 10);
  }

  bool idle() const { return !on_answer_; }

  // REQUIRES: idle().
  void post(std::string_view target, std::string_view body, OnAnswer on_answer) {
    on_answer_ = std::move(on_answer);
    out_.clear();
    fmt::format_to(std::back_inserter(out_),
                   "POST {} HTTP/1.1\r\nHost: 127.0.0.1\r\nContent-Type: application/json\r\n"
                   "Content-Length: {}\r\n\r\n",
                   target, body.size());
    out_ += body;
    used_ = 0;
    asio::async_write(socket_, asio::buffer(out_),
                      [self = shared_from_this()](error_code error, std::size_t) {
                        if (error) return self->lost(error);
                        self->read();
                      });
  }

 private:
  void read() {
    if (used_ == in_.size()) in_.resize(in_.size() * 2);
    socket_.async_read_some(asio::buffer(in_.data() + used_, in_.size() - used_),
                            [self = shared_from_this()](error_code error, std::size_t got) {
                              if (error) return self->lost(error);
                              self->used_ += got;
                              self->take();
                            });
  }

  void take() {
    const std::string_view text(in_.data(), used_);
    const auto head_end = text.find("\r\n\r\n");
    if (head_end == std::string_view::npos) return read();
    constexpr std::string_view name = "\r\nContent-Length: ";
    const auto at = text.find(name);
    std::size_t length = 0;
    if (at == std::string_view::npos || at > head_end)
      return on_failure_("an answer without Content-Length");
    std::from_chars(text.data() + at + name.size(), text.data() + head_end, length);
    if (used_ < head_end + 4 + length) return read();
    const std::string_view body = text.substr(head_end + 4, length);
    if (text.substr(9, 1) != "2")
      return on_failure_(fmt::format("the server answered {:.12} {:.300}", text, body));
    const OnAnswer on_answer = std::exchange(on_answer_, nullptr);
    on_answer(body);
  }

  void lost(error_code error) {
    on_failure_(fmt::format("a REST connection was lost: {}", error.message()));
  }

  asio::ip::tcp::socket socket_;
  const std::function<void(std::string)> on_failure_;
  OnAnswer on_answer_;
  std::string out_;
  std::vector<char> in_;
  std::size_t used_ = 0;
};

// Calls `take` with each task's text, from its token on.
template <class Take>
int each_task(std::string_view body, Take take) {
  constexpr std::string_view name = "\"token\":\"";
  int tasks = 0;
  auto at = body.find(name);
  while (at != std::string_view::npos) {
    const auto next = body.find(name, at + name.size());
    const std::string_view task =
        body.substr(at + name.size(), next == std::string_view::npos ? next : next - at);
    take(task.substr(0, task.find('"')), Payload::slot_in(task));
    ++tasks;
    at = next;
  }
  return tasks;
}

class RestLoad final : public Load {
 public:
  explicit RestLoad(const RestOptions& options)
      : options_(options),
        book_(options.plan),
        payload_(options.plan.payload_bytes),
        lease_max_(options.batches
                       ? std::min<int>(items_max, static_cast<int>(request_bytes_max /
                                                                   (payload_.size() + 256)))
                       : 1),
        timer_(io_) {}

  ~RestLoad() override {
    io_.stop();
    if (thread_.joinable()) thread_.join();
  }

  Book& book() override { return book_; }
  bool failed() const override { return failed_; }

  void start() override {
    for (int n = 0; n < options_.connections_per_stage; ++n) {
      starters_.push_back(connect());
      for (std::size_t stage = 0; stage < stage_count; ++stage)
        workers_.push_back({connect(), stage, {}});
    }
    asio::post(io_, [this] {
      for (auto& worker : workers_) lease(worker);
      tick();
    });
    thread_ = std::thread([this] {
      try {
        io_.run();
      } catch (const std::exception& error) {
        fail(error.what());
      }
    });
  }

  void stop() override {
    asio::post(io_, [this] { book_.close(); });
    if (thread_.joinable()) thread_.join();
    if (!failure_.empty()) throw std::runtime_error(failure_);
  }

 private:
  struct Worker {
    std::shared_ptr<Http> http;
    std::size_t stage = 0;
    std::vector<Slot> answering;  // the runs whose verbs are under way
  };

  std::shared_ptr<Http> connect() {
    return std::make_shared<Http>(io_, options_.port, [this](std::string why) { fail(why); });
  }

  // Waits a second at most, so that stop() need not cut a waiting lease, which could take a task
  // with it.
  void lease(Worker& worker) {
    if (book_.closed() && book_.under_way() == 0) return;
    body_ = fmt::format(R"({{"max":{},"wait":1,"worker":"bench"}})", lease_max_);
    worker.http->post(fmt::format("/v1/queues/{}/lease", stages[worker.stage]), body_,
                      [this, &worker](std::string_view answer) { work(worker, answer); });
  }

  void work(Worker& worker, std::string_view answer) {
    if (options_.batches)
      work_batch(worker, answer);
    else
      work_one(worker, answer);
    start_runs();
  }

  void work_batch(Worker& worker, std::string_view answer) {
    body_.clear();
    worker.answering.clear();
    const int tasks = each_task(answer, [&](std::string_view token, Slot slot) {
      body_ += body_.empty() ? R"({"items":[)" : ",";
      body_ += R"({"op":"complete","token":")";
      body_ += token;
      body_ += R"(","output":)";
      payload_.append(body_, slot);
      body_ += '}';
      worker.answering.push_back(slot);
    });
    if (tasks == 0) return lease(worker);
    // No wait here: the answer would come only with the next task.
    body_ += fmt::format(R"(],"lease":{{"queue":"{}","max":{},"worker":"bench"}}}})",
                         stages[worker.stage], lease_max_);
    worker.http->post("/v1/tasks:batch", body_, [this, &worker](std::string_view done) {
      check_items(done);
      ended(worker);
      work(worker, done);
    });
  }

  void work_one(Worker& worker, std::string_view answer) {
    worker.answering.clear();
    std::string target;
    each_task(answer, [&](std::string_view token, Slot slot) {
      target = fmt::format("/v1/tasks/{}/complete", token);
      worker.answering.push_back(slot);
    });
    if (target.empty()) return lease(worker);
    body_ = R"({"output":)";
    payload_.append(body_, worker.answering.front());
    body_ += '}';
    worker.http->post(target, body_, [this, &worker](std::string_view) {
      ended(worker);
      lease(worker);
      start_runs();
    });
  }

  void ended(const Worker& worker) {
    if (worker.stage + 1 != stage_count) return;
    const std::int64_t now = now_us();
    for (const Slot slot : worker.answering) book_.finish(slot, now);
  }

  static void check_items(std::string_view answer) {
    for (const std::string_view bad : {"\"status\":4", "\"status\":5"})
      if (answer.find(bad) != std::string_view::npos)
        throw std::runtime_error(fmt::format("the server answered {:.300}", answer));
  }

  void start_runs() {
    const std::int64_t now = now_us();
    int wanted = book_.wanted(now);
    for (const auto& http : starters_) {
      if (wanted <= 0) return;
      if (!http->idle()) continue;
      const int items = std::min(wanted, lease_max_);
      wanted -= items;
      start_some(*http, items, now);
    }
  }

  void start_some(Http& http, int items, std::int64_t now) {
    body_ = options_.batches ? R"({"items":[)" : "";
    for (int n = 0; n < items; ++n) {
      body_ += n > 0 ? R"(,{"input":)" : R"({"input":)";
      payload_.append(body_, book_.start(now));
      body_ += '}';
    }
    if (options_.batches) body_ += "]}";
    http.post(
        fmt::format("/v1/workflows/{}/runs{}", workflow_name, options_.batches ? ":batch" : ""),
        body_, [this](std::string_view answer) {
          if (options_.batches) check_items(answer);
          start_runs();
        });
  }

  // Starts what is due, and notices the end.
  void tick() {
    start_runs();
    if (book_.closed() && book_.under_way() == 0) return;
    timer_.expires_after(book_.paced() ? pace : std::chrono::milliseconds(20));
    timer_.async_wait([this](error_code error) {
      if (!error) tick();
    });
  }

  void fail(std::string why) {
    if (failure_.empty()) failure_ = std::move(why);
    failed_ = true;
    io_.stop();
  }

  const RestOptions options_;
  Book book_;
  const Payload payload_;
  const int lease_max_;
  asio::io_context io_{1};
  asio::steady_timer timer_;
  std::vector<std::shared_ptr<Http>> starters_;
  std::deque<Worker> workers_;  // keep their places
  std::string body_;            // the request under construction; post() copies it
  std::thread thread_;
  std::string failure_;
  std::atomic<bool> failed_{false};
};

}  // namespace

std::unique_ptr<Load> make_rest_load(const RestOptions& options) {
  return std::make_unique<RestLoad>(options);
}

}  // namespace sluice::bench
