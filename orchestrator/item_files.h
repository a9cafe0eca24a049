// Files below one configured directory: DIR/BUCKET/KEY, where a Map's items are read from and its
// results are written to.
//
// A bucket is one folder; a key may name folders. Nothing outside the directory can be reached: a
// name that is empty, ".", ".." or holds a NUL is refused, and no symbolic link below the directory
// is followed, looked at anew at every step of the way (openat), so a link that appears in between
// cannot lead out either. The directory itself may be a link.
//
// Failure: a sentence that names the file, what was found and what to do.
//
// Thread-safe (no shared state), except FileReader: caller serialises.
#pragma once

#include <sys/types.h>

#include <cstdint>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

#include "workflows/evaluation.h"

namespace sluice::orchestrator {

// An open file or directory; closed at the end.
class FileHandle {
 public:
  FileHandle() = default;
  explicit FileHandle(int fd) : fd_(fd) {}
  ~FileHandle() { reset(); }
  FileHandle(FileHandle&& other) noexcept : fd_(std::exchange(other.fd_, -1)) {}
  FileHandle& operator=(FileHandle&& other) noexcept {
    if (this != &other) {
      reset();
      fd_ = std::exchange(other.fd_, -1);
    }
    return *this;
  }
  FileHandle(const FileHandle&) = delete;
  FileHandle& operator=(const FileHandle&) = delete;
  int get() const { return fd_; }
  explicit operator bool() const { return fd_ >= 0; }
  void reset();

 private:
  int fd_ = -1;
};

inline constexpr std::size_t path_parts_max = 64;

// The folders and the file that `path` ("a/b/c.json") goes through. Fails with `error`.
workflows::Evaluated<std::vector<std::string>> path_parts(std::string_view path,
                                                          std::string_view what,
                                                          std::string_view error);

// DIR/BUCKET/KEY for reading. REQUIRES: `directory` is not empty. Fails with
// States.ItemReaderFailed.
workflows::Evaluated<FileHandle> open_item_file(const std::string& directory,
                                                const std::string& bucket, const std::string& key);

// Reads a file from its beginning in pieces of 64 KiB.
class FileReader {
 public:
  static constexpr int end = -1;

  explicit FileReader(FileHandle file) : file_(std::move(file)) { skip_mark(); }
  // The next byte as 0..255, or `end`; also after a failed read: see failed().
  int peek() { return at_ < buffer_.size() || fill() ? byte() : end; }
  int get() {
    const int c = peek();
    if (c != end) {
      ++at_;
      if (c == '\n') ++line_;
    }
    return c;
  }
  bool failed() const { return errno_ != 0; }
  std::string reason() const;
  std::int64_t line() const { return line_; }  // of the next byte, from 1

 private:
  int byte() const { return static_cast<unsigned char>(buffer_[at_]); }
  bool fill();
  void skip_mark();  // a byte order mark

  FileHandle file_;
  std::string buffer_;
  std::size_t at_ = 0;
  std::int64_t line_ = 1;
  int errno_ = 0;
  bool over_ = false;
};

}  // namespace sluice::orchestrator
