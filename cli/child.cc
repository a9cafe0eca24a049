#include "cli/child.h"

#include <fcntl.h>
#include <poll.h>
#include <signal.h>
#include <spawn.h>
#include <sys/eventfd.h>
#include <sys/syscall.h>
#include <sys/wait.h>
#include <unistd.h>

#include <system_error>

#include "cli/process.h"

namespace sluice::cli {
namespace {

[[noreturn]] void fail(int number, const std::string& what) {
  throw std::system_error(number, std::generic_category(), what);
}

void close_if_open(int& fd) {
  if (fd >= 0) close(fd);
  fd = -1;
}

struct Pipe {
  int read_end = -1, write_end = -1;
  // Close-on-exec, so that a child of another thread does not keep this one's pipe open.
  Pipe() {
    std::array<int, 2> ends{};
    if (pipe2(ends.data(), O_CLOEXEC) != 0) fail(errno, "pipe");
    read_end = ends[0];
    write_end = ends[1];
  }
  ~Pipe() {
    close_if_open(read_end);
    close_if_open(write_end);
  }
  Pipe(const Pipe&) = delete;
  Pipe& operator=(const Pipe&) = delete;
};

void do_not_block(int fd) { fcntl(fd, F_SETFL, fcntl(fd, F_GETFL) | O_NONBLOCK); }

std::int64_t now_us() {
  return std::chrono::duration_cast<std::chrono::microseconds>(
             // tidy: clock: a child process is waited for in real time.
             std::chrono::steady_clock::now().time_since_epoch())
      .count();
}

}  // namespace

Child::Child(ChildOptions options) : options_(std::move(options)) {
  // A command that ends without having read its input must not end this process.
  signal(SIGPIPE, SIG_IGN);
  Pipe in, out, err;
  auto variables = environment_of_process();
  for (const auto& [name, value] : options_.environment) variables[name] = value;
  std::vector<std::string> lines;
  for (const auto& [name, value] : variables) lines.push_back(name + "=" + value);
  std::vector<char*> env, argv;
  for (auto& line : lines) env.push_back(line.data());
  env.push_back(nullptr);
  for (auto& word : options_.command) argv.push_back(word.data());
  argv.push_back(nullptr);

  posix_spawn_file_actions_t files;
  posix_spawn_file_actions_init(&files);
  posix_spawn_file_actions_adddup2(&files, in.read_end, 0);
  posix_spawn_file_actions_adddup2(&files, out.write_end, 1);
  posix_spawn_file_actions_adddup2(&files, err.write_end, 2);
  posix_spawnattr_t attributes;
  posix_spawnattr_init(&attributes);
  sigset_t none, usual;
  sigemptyset(&none);
  sigemptyset(&usual);
  for (const int number : {SIGPIPE, SIGINT, SIGTERM}) sigaddset(&usual, number);
  posix_spawnattr_setflags(&attributes,
                           POSIX_SPAWN_SETPGROUP | POSIX_SPAWN_SETSIGMASK | POSIX_SPAWN_SETSIGDEF);
  posix_spawnattr_setpgroup(&attributes, 0);
  posix_spawnattr_setsigmask(&attributes, &none);
  posix_spawnattr_setsigdefault(&attributes, &usual);
  const int error = posix_spawnp(&pid_, argv[0], &files, &attributes, argv.data(), env.data());
  posix_spawnattr_destroy(&attributes);
  posix_spawn_file_actions_destroy(&files);
  if (error != 0) {
    pid_ = -1;
    fail(error, fmt::format("cannot run {}", options_.command.front()));
  }
  pid_fd_ = static_cast<int>(syscall(SYS_pidfd_open, pid_, 0));
  stop_fd_ = eventfd(0, EFD_CLOEXEC | EFD_NONBLOCK);
  SLUICE_CHECK(pid_fd_ >= 0 && stop_fd_ >= 0, "a descriptor for the child");
  input_fd_ = std::exchange(in.write_end, -1);
  output_fd_ = std::exchange(out.read_end, -1);
  error_fd_ = std::exchange(err.read_end, -1);
  for (const int fd : {input_fd_, output_fd_, error_fd_}) do_not_block(fd);
}

Child::~Child() {
  if (pid_ > 0) {
    kill(-pid_, SIGKILL);
    waitpid(pid_, nullptr, 0);
  }
  for (int* fd : {&input_fd_, &output_fd_, &error_fd_, &pid_fd_, &stop_fd_}) close_if_open(*fd);
}

void Child::stop() {
  if (stop_asked_.exchange(true)) return;
  const std::uint64_t one = 1;
  [[maybe_unused]] const auto written = write(stop_fd_, &one, sizeof one);
}

void Child::feed(std::string_view& input) {
  while (!input.empty()) {
    const ssize_t n = write(input_fd_, input.data(), input.size());
    if (n > 0) {
      input.remove_prefix(static_cast<std::size_t>(n));
      continue;
    }
    if (n < 0 && errno == EINTR) continue;
    if (n < 0 && errno == EAGAIN) return;
    break;  // EPIPE: a command need not read its input.
  }
  close_if_open(input_fd_);
}

// False at the end of the stream.
bool Child::take(int fd, std::string& into, bool is_output, ChildEnd& end) {
  std::array<char, 16'384> buffer{};
  while (true) {
    const ssize_t n = read(fd, buffer.data(), buffer.size());
    if (n == 0) return false;
    if (n < 0) return errno == EAGAIN || errno == EINTR;
    const std::string_view got(buffer.data(), static_cast<std::size_t>(n));
    if (!is_output) {
      if (options_.on_error_output) options_.on_error_output(got);
      into.append(got);
      if (into.size() > 2 * options_.error_tail_bytes_max)
        into.erase(0, into.size() - options_.error_tail_bytes_max);
      continue;
    }
    const std::size_t room =
        options_.output_bytes_max - std::min(options_.output_bytes_max, into.size());
    into.append(got.substr(0, room));
    end.output_too_large |= got.size() > room;
  }
}

ChildEnd Child::run(std::string_view input) {
  ChildEnd end;
  std::int64_t kill_at_us = -1;
  bool ended = false;
  if (input.empty()) close_if_open(input_fd_);
  while (!ended) {
    std::array<pollfd, 5> fds = {{{pid_fd_, POLLIN, 0},
                                  {kill_at_us < 0 && !end.stopped ? stop_fd_ : -1, POLLIN, 0},
                                  {input_fd_, POLLOUT, 0},
                                  {output_fd_, POLLIN, 0},
                                  {error_fd_, POLLIN, 0}}};
    int wait_ms = -1;
    if (kill_at_us >= 0)
      wait_ms = static_cast<int>(std::max<std::int64_t>(0, (kill_at_us - now_us()) / 1'000 + 1));
    if (poll(fds.data(), fds.size(), wait_ms) < 0 && errno != EINTR) fail(errno, "poll");
    ended = (fds[0].revents & POLLIN) != 0;
    if ((fds[1].revents & POLLIN) != 0) {
      end.stopped = true;
      kill(-pid_, SIGTERM);
      kill_at_us = now_us() + options_.kill_after.us;
    }
    if (kill_at_us >= 0 && now_us() >= kill_at_us) {
      kill(-pid_, SIGKILL);
      kill_at_us = -1;
    }
    if (fds[2].revents != 0) feed(input);
    if (output_fd_ >= 0 && (ended || fds[3].revents != 0) &&
        !take(output_fd_, end.output, true, end))
      close_if_open(output_fd_);
    if (error_fd_ >= 0 && (ended || fds[4].revents != 0) &&
        !take(error_fd_, end.error_tail, false, end))
      close_if_open(error_fd_);
  }
  // What it left behind must not outlive a task that was taken away.
  if (end.stopped) kill(-pid_, SIGKILL);
  int status = 0;
  while (waitpid(pid_, &status, 0) < 0 && errno == EINTR) {
  }
  pid_ = -1;
  if (WIFSIGNALED(status))
    end.signal = WTERMSIG(status);
  else
    end.exit_code = WEXITSTATUS(status);
  if (end.error_tail.size() > options_.error_tail_bytes_max)
    end.error_tail.erase(0, end.error_tail.size() - options_.error_tail_bytes_max);
  return end;
}

}  // namespace sluice::cli
