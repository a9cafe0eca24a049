#include <fmt/format.h>

#include <array>
#include <atomic>
#include <boost/asio/io_context.hpp>
#include <boost/asio/ip/tcp.hpp>
#include <boost/asio/post.hpp>
#include <boost/asio/steady_timer.hpp>
#include <boost/beast/core/flat_buffer.hpp>
#include <boost/beast/websocket/rfc6455.hpp>
#include <boost/beast/websocket/stream.hpp>
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
namespace websocket = boost::beast::websocket;
using boost::system::error_code;

constexpr std::size_t frame_ops_max = 500;  // the protocol lets 1000 through
constexpr std::size_t frame_bytes_max = 512 << 10;
constexpr int credit_max = 1000;
constexpr auto pace = std::chrono::microseconds(500);

// One connection: packs what it is given into arrays, hands out what comes message by message.
class Wire : public std::enable_shared_from_this<Wire> {
 public:
  // Both get the text of one message, from its brace on.
  using OnMessage = std::function<void(std::string_view)>;

  Wire(asio::io_context& context, std::uint16_t port, OnMessage on_message,
       std::function<void()> on_frame_end, std::function<void(std::string)> on_failure)
      : ws_(context),
        on_message_(std::move(on_message)),
        on_frame_end_(std::move(on_frame_end)),
        on_failure_(std::move(on_failure)) {
    ws_.next_layer().connect({asio::ip::address_v4::loopback(), port});
    ws_.next_layer().set_option(asio::ip::tcp::no_delay(true));
    ws_.read_message_max(64 << 20);
    ws_.auto_fragment(false);
    ws_.secure_prng(false);  // the mask hides nothing on a loopback
    ws_.write_buffer_bytes(256 << 10);
    ws_.handshake("127.0.0.1", "/v1/stream");
    ws_.text(true);
  }

  // The text that the next operation is appended to; end_op() follows.
  std::string& begin_op() {
    if (ops_ == frame_ops_max || next_.size() > frame_bytes_max) seal();
    next_ += ops_ == 0 ? '[' : ',';
    return next_;
  }
  void end_op() { ++ops_; }

  void flush() {
    if (writing_) return;
    if (ready_.empty() && ops_ > 0) seal();
    if (ready_.empty()) return;
    writing_ = true;
    out_ = std::move(ready_.front());
    ready_.pop_front();
    ws_.async_write(asio::buffer(out_), [self = shared_from_this()](error_code error, std::size_t) {
      if (error) return self->lost(error);
      self->writing_ = false;
      self->flush();
    });
  }

  void read() {
    ws_.async_read(in_, [self = shared_from_this()](error_code error, std::size_t) {
      if (error) return self->lost(error);
      self->take({static_cast<const char*>(self->in_.cdata().data()), self->in_.size()});
      self->in_.consume(self->in_.size());
      self->read();
    });
  }

  void leave() {
    leaving_ = true;
    begin_op() += R"({"op":"bye"})";
    end_op();
    flush();
  }

 private:
  // Payloads of this load hold no `op`, so the messages' beginnings can be searched for.
  void take(std::string_view frame) {
    constexpr std::string_view begin = "{\"op\":\"";
    auto at = frame.find(begin);
    while (at != std::string_view::npos) {
      const auto next = frame.find(begin, at + begin.size());
      on_message_(frame.substr(at, next == std::string_view::npos ? next : next - at));
      at = next;
    }
    on_frame_end_();
  }

  void seal() {
    next_ += ']';
    ready_.push_back(std::move(next_));
    next_ = {};
    next_.reserve(64 << 10);
    ops_ = 0;
  }

  void lost(error_code error) {
    if (!leaving_) on_failure_(fmt::format("a stream connection was lost: {}", error.message()));
  }

  websocket::stream<asio::ip::tcp::socket, false> ws_;
  const OnMessage on_message_;
  const std::function<void()> on_frame_end_;
  const std::function<void(std::string)> on_failure_;
  boost::beast::flat_buffer in_;
  std::string next_;
  std::size_t ops_ = 0;
  std::deque<std::string> ready_;
  std::string out_;
  bool writing_ = false;
  bool leaving_ = false;
};

class StreamLoad final : public Load {
 public:
  explicit StreamLoad(const StreamOptions& options)
      : options_(options), book_(options.plan), payload_(options.plan.payload_bytes), timer_(io_) {}

  ~StreamLoad() override {
    io_.stop();
    if (thread_.joinable()) thread_.join();
  }

  Book& book() override { return book_; }
  bool failed() const override { return failed_; }

  void start() override {
    starter_ = connect("starter", [this](std::string_view m) { started(m); });
    for (std::size_t stage = 0; stage < stage_count; ++stage) {
      for (int n = 0; n < options_.connections_per_stage; ++n) {
        // Filled in once the connection is there; its messages come later.
        const auto place = workers_.size();
        workers_.push_back(nullptr);
        workers_[place] = connect(stages[stage], [this, place, stage](std::string_view m) {
          worked(*workers_[place], stage, m);
        });
        workers_[place]->begin_op() += fmt::format(
            R"({{"op":"subscribe","queue":"{}","credit":{}}})", stages[stage], credit_max);
        workers_[place]->end_op();
        workers_[place]->flush();
      }
    }
    asio::post(io_, [this] { tick(); });
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
  std::shared_ptr<Wire> connect(std::string_view name, Wire::OnMessage on_message) {
    auto wire = std::make_shared<Wire>(
        io_, options_.port, std::move(on_message), [this] { after_frame(); },
        [this](std::string why) { fail(std::move(why)); });
    wire->begin_op() += fmt::format(R"({{"op":"hello","version":1,"worker":"bench {}"}})", name);
    wire->end_op();
    wire->read();
    return wire;
  }

  static bool is(std::string_view message, std::string_view op) {
    return message.substr(std::string_view("{\"op\":\"").size()).starts_with(op);
  }

  static std::optional<Slot> ref_of(std::string_view message) {
    constexpr std::string_view name = "\"ref\":";
    const auto at = message.find(name);
    if (at == std::string_view::npos) return std::nullopt;
    Slot slot = 0;
    std::from_chars(message.data() + at + name.size(), message.data() + message.size(), slot);
    return slot;
  }

  void refuse(std::string_view message) {
    if (is(message, "error") || is(message, "revoke"))
      throw std::runtime_error(fmt::format("the server answered {:.300}", message));
  }

  void started(std::string_view message) {
    if (!is(message, "ok\"")) refuse(message);
  }

  void worked(Wire& wire, std::size_t stage, std::string_view message) {
    if (is(message, "task\"")) {
      if (book_.first_delivery() == 0) book_.deliver(now_us());
      constexpr std::string_view name = "\"token\":\"";
      const auto at = message.find(name) + name.size();
      const std::string_view token = message.substr(at, message.find('"', at) - at);
      const Slot slot = Payload::slot_in(message);
      std::string& out = wire.begin_op();
      out += R"({"op":"complete","ref":)";
      char digits[12];
      out.append(digits, std::to_chars(digits, digits + sizeof digits, slot).ptr);
      out += R"(,"token":")";
      out += token;
      out += R"(","output":)";
      payload_.append(out, slot);
      out += '}';
      wire.end_op();
    } else if (is(message, "ok\"")) {
      const auto slot = ref_of(message);
      if (slot && stage + 1 == stage_count) book_.finish(*slot, now_us());
    } else {
      refuse(message);
    }
  }

  void after_frame() {
    start_runs();
    for (const auto& wire : workers_)
      if (wire) wire->flush();
  }

  void start_runs() {
    if (book_.closed() && book_.under_way() == 0) return leave();
    const std::int64_t now = now_us();
    const int wanted = book_.wanted(now);
    for (int n = 0; n < wanted; ++n) {
      const Slot slot = book_.start(now);
      std::string& out = starter_->begin_op();
      out +=
          fmt::format(R"({{"op":"start","ref":{},"workflow":"{}","input":)", slot, workflow_name);
      payload_.append(out, slot);
      out += '}';
      starter_->end_op();
    }
    starter_->flush();
  }

  // Starts what is due, and notices close().
  void tick() {
    start_runs();
    if (left_) return;
    timer_.expires_after(book_.paced() ? pace : std::chrono::milliseconds(20));
    timer_.async_wait([this](error_code error) {
      if (!error) tick();
    });
  }

  void leave() {
    if (std::exchange(left_, true)) return;
    starter_->leave();
    for (const auto& wire : workers_) wire->leave();
    timer_.cancel();
  }

  void fail(std::string why) {
    if (failure_.empty()) failure_ = std::move(why);
    failed_ = true;
    io_.stop();
  }

  const StreamOptions options_;
  Book book_;
  const Payload payload_;
  asio::io_context io_{1};
  asio::steady_timer timer_;
  std::shared_ptr<Wire> starter_;
  std::vector<std::shared_ptr<Wire>> workers_;
  std::thread thread_;
  bool left_ = false;
  std::string failure_;
  std::atomic<bool> failed_{false};
};

}  // namespace

std::unique_ptr<Load> make_stream_load(const StreamOptions& options) {
  return std::make_unique<StreamLoad>(options);
}

}  // namespace sluice::bench
