#include "orchestrator/item_files.h"

#include <fcntl.h>
#include <fmt/core.h>
#include <sys/stat.h>
#include <unistd.h>

#include <cerrno>
#include <system_error>

namespace sluice::orchestrator {
namespace {

using workflows::Evaluated;
using workflows::Failure;

constexpr const char* reader_failed = "States.ItemReaderFailed";

std::string why(int error) { return std::generic_category().message(error); }

}  // namespace

void FileHandle::reset() {
  if (fd_ >= 0) ::close(fd_);
  fd_ = -1;
}

Evaluated<std::vector<std::string>> path_parts(std::string_view path, std::string_view what,
                                               std::string_view error) {
  std::vector<std::string> parts;
  for (std::size_t from = 0;;) {
    const std::size_t slash = path.find('/', from);
    const std::string_view part = path.substr(from, slash - from);
    if (part.empty() || part == "." || part == ".." || part.size() > 255 ||
        part.find('\0') != std::string_view::npos || parts.size() == path_parts_max)
      return Failure{std::string(error),
                     fmt::format("{} \"{}\" is no path below the directory of items: expected at "
                                 "most {} names of 1 to 255 bytes with one '/' between them, and "
                                 "none of them \".\" or \"..\"",
                                 what, path, path_parts_max)};
    parts.emplace_back(part);
    if (slash == std::string_view::npos) return parts;
    from = slash + 1;
  }
}

Evaluated<FileHandle> open_item_file(const std::string& directory, const std::string& bucket,
                                     const std::string& key) {
  if (bucket.find('/') != std::string::npos)
    return Failure{reader_failed,
                   fmt::format("Bucket \"{}\" is no single name: expected no '/'", bucket)};
  auto parts = path_parts(bucket + '/' + key, "Bucket and Key", reader_failed);
  if (!parts) return std::move(parts.failure());
  FileHandle at(::open(directory.c_str(), O_RDONLY | O_DIRECTORY | O_CLOEXEC));
  if (!at)
    return Failure{reader_failed,
                   fmt::format("the directory of items \"{}\" cannot be opened: {}; see the "
                               "server's option --items-directory",
                               directory, why(errno))};
  for (std::size_t i = 0; i < parts->size(); ++i) {
    const bool last = i + 1 == parts->size();
    // A pipe would block the open; it is no regular file and refused below.
    const int flags = O_RDONLY | O_NOFOLLOW | O_CLOEXEC | (last ? O_NONBLOCK : O_DIRECTORY);
    FileHandle next(::openat(at.get(), (*parts)[i].c_str(), flags));
    if (!next) {
      const int error = errno;
      return Failure{reader_failed,
                     fmt::format("file \"{}/{}\" cannot be opened: {}", bucket, key,
                                 error == ELOOP ? "symbolic links are not followed" : why(error))};
    }
    at = std::move(next);
  }
  struct stat facts {};
  if (::fstat(at.get(), &facts) != 0 || !S_ISREG(facts.st_mode))
    return Failure{reader_failed,
                   fmt::format("\"{}/{}\" is not a file: expected a regular file", bucket, key)};
  return at;
}

std::string FileReader::reason() const { return why(errno_); }

bool FileReader::fill() {
  constexpr std::size_t piece = 64 << 10;
  if (over_) return false;
  buffer_.resize(piece);
  at_ = 0;
  ssize_t count = 0;
  do count = ::read(file_.get(), buffer_.data(), piece);
  while (count < 0 && errno == EINTR);
  if (count < 0) errno_ = errno;
  buffer_.resize(count > 0 ? static_cast<std::size_t>(count) : 0);
  over_ = count <= 0;
  return !over_;
}

void FileReader::skip_mark() {
  // A first read of a regular file gives three bytes if it has them.
  if (fill() && buffer_.starts_with("\xEF\xBB\xBF")) at_ = 3;
}

}  // namespace sluice::orchestrator
