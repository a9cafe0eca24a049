#include "cli/process.h"

#include <fcntl.h>
#include <poll.h>
#include <signal.h>
#include <sys/eventfd.h>
#include <sys/ioctl.h>
#include <sys/signalfd.h>
#include <unistd.h>

#include <cstdlib>
#include <system_error>

extern char** environ;

namespace sluice::cli {
namespace {

sigset_t ending_signals() {
  sigset_t set;
  sigemptyset(&set);
  sigaddset(&set, SIGINT);
  sigaddset(&set, SIGTERM);
  return set;
}

extern "C" void leave_at_once(int number) { _exit(128 + number); }

}  // namespace

Terminal terminal_of(int file_descriptor) {
  Terminal terminal;
  terminal.is_terminal = isatty(file_descriptor) == 1;
  if (!terminal.is_terminal) return terminal;
  const char* kind = std::getenv("TERM");
  terminal.color = kind != nullptr && std::string_view(kind) != "dumb";
  winsize size{};
  if (ioctl(file_descriptor, TIOCGWINSZ, &size) == 0 && size.ws_col > 0)
    terminal.width = size.ws_col;
  return terminal;
}

std::map<std::string, std::string> environment_of_process() {
  std::map<std::string, std::string> all;
  for (char** entry = environ; entry != nullptr && *entry != nullptr; ++entry) {
    const std::string_view text(*entry);
    const auto at = text.find('=');
    if (at != std::string_view::npos) all.emplace(text.substr(0, at), text.substr(at + 1));
  }
  return all;
}

std::string host_name() {
  std::array<char, 256> name{};
  return gethostname(name.data(), name.size() - 1) == 0 ? name.data() : "localhost";
}

Signals::Signals() {
  const sigset_t set = ending_signals();
  pthread_sigmask(SIG_BLOCK, &set, nullptr);
  signal_fd_ = signalfd(-1, &set, SFD_CLOEXEC);
  event_fd_ = eventfd(0, EFD_CLOEXEC);
  if (signal_fd_ < 0 || event_fd_ < 0)
    throw std::system_error(errno, std::generic_category(), "signalfd");
}

Signals::~Signals() {
  close(signal_fd_);
  close(event_fd_);
  const sigset_t set = ending_signals();
  pthread_sigmask(SIG_UNBLOCK, &set, nullptr);
}

std::optional<int> Signals::wait(std::optional<Duration> limit) {
  std::array<pollfd, 2> fds = {{{signal_fd_, POLLIN, 0}, {event_fd_, POLLIN, 0}}};
  const int ready = poll(fds.data(), fds.size(), limit ? static_cast<int>(limit->us / 1'000) : -1);
  if (ready <= 0) return std::nullopt;
  if ((fds[0].revents & POLLIN) != 0) {
    signalfd_siginfo info{};
    if (read(signal_fd_, &info, sizeof info) == sizeof info)
      return static_cast<int>(info.ssi_signo);
  }
  std::uint64_t count = 0;
  if ((fds[1].revents & POLLIN) != 0 && read(event_fd_, &count, sizeof count) < 0)
    return std::nullopt;
  return std::nullopt;
}

void Signals::notify() {
  const std::uint64_t one = 1;
  [[maybe_unused]] const auto written = write(event_fd_, &one, sizeof one);
}

void Signals::give_up_on_next() {
  // A handler runs only in a thread that does not block the signal: this one.
  signal(SIGINT, leave_at_once);
  signal(SIGTERM, leave_at_once);
  const sigset_t set = ending_signals();
  pthread_sigmask(SIG_UNBLOCK, &set, nullptr);
}

std::string signal_name(int number) {
  const char* name = sigabbrev_np(number);
  return name != nullptr ? name : std::to_string(number);
}

}  // namespace sluice::cli
