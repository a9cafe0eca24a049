// The files of a bucket, in the order of their keys.
#include <dirent.h>
#include <fcntl.h>
#include <sys/stat.h>

#include <algorithm>
#include <cerrno>
#include <system_error>
#include <vector>

#include "base/json_text.h"
#include "orchestrator/item_source_impl.h"

namespace sluice::orchestrator {
namespace {

using workflows::Evaluated;
using workflows::Failure;

class ListingSource final : public ItemSource {
 public:
  ListingSource(std::string bucket, std::string prefix, std::int64_t items_max)
      : ItemSource("S3://" + bucket, items_max),
        bucket_(std::move(bucket)),
        prefix_(std::move(prefix)) {}

  std::optional<Failure> enter(FileHandle directory, std::string path) {
    Level level{.handle = std::move(directory), .path = std::move(path), .names = {}, .at = 0};
    // fdopendir takes the descriptor over; ours is still needed for openat.
    const int copy = ::fcntl(level.handle.get(), F_DUPFD_CLOEXEC, 0);
    DIR* const entries = copy < 0 ? nullptr : ::fdopendir(copy);
    if (entries == nullptr) {
      FileHandle closed(copy);
      return unreadable(level.path, errno);
    }
    for (;;) {
      errno = 0;
      const dirent* const entry = ::readdir(entries);
      if (entry == nullptr) break;
      std::string name = entry->d_name;
      if (name == "." || name == ".." || name.starts_with(".sluice-")) continue;
      struct stat facts {};
      if (::fstatat(level.handle.get(), name.c_str(), &facts, AT_SYMLINK_NOFOLLOW) != 0) continue;
      if (S_ISDIR(facts.st_mode))
        name += '/';
      else if (!S_ISREG(facts.st_mode))
        continue;
      // A folder is of use if the prefix leads into it or its files begin with the prefix.
      const std::string key = level.path + name;
      const bool begins = std::string_view(key).starts_with(prefix_);
      const bool leads = name.back() == '/' && std::string_view(prefix_).starts_with(key);
      if (begins || leads) level.names.push_back(std::move(name));
    }
    const int error = errno;
    ::closedir(entries);
    if (error != 0) return unreadable(level.path, error);
    // With its '/', a folder stands where its files' keys do.
    std::sort(level.names.begin(), level.names.end());
    levels_.push_back(std::move(level));
    return std::nullopt;
  }

 private:
  struct Level {
    FileHandle handle;
    std::string path;  // "" or "folder/…/"
    std::vector<std::string> names;
    std::size_t at = 0;
  };

  Failure unreadable(const std::string& path, int error) const {
    return reader_failure(fmt::format("folder \"{}/{}\" cannot be read: {}", bucket_, path,
                                      std::generic_category().message(error)));
  }

  Evaluated<bool> take(SourceItem& item) override {
    while (!levels_.empty()) {
      Level& level = levels_.back();
      if (level.at == level.names.size()) {
        levels_.pop_back();
        continue;
      }
      std::string name = level.names[level.at++];
      const std::string key = level.path + name;
      if (name.back() == '/') {
        name.pop_back();
        if (levels_.size() >= path_parts_max)
          return reader_failure(
              fmt::format("folder \"{}/{}\": expected at most {} folders inside "
                          "each other",
                          bucket_, key, path_parts_max));
        FileHandle folder(::openat(level.handle.get(), name.c_str(),
                                   O_RDONLY | O_DIRECTORY | O_NOFOLLOW | O_CLOEXEC));
        if (!folder) {
          if (errno == ENOENT) continue;  // gone in the meantime
          return unreadable(key, errno);
        }
        if (auto failure = enter(std::move(folder), key)) return *std::move(failure);
        continue;
      }
      struct stat facts {};
      if (::fstatat(level.handle.get(), name.c_str(), &facts, AT_SYMLINK_NOFOLLOW) != 0) continue;
      return describe(key, facts, item);
    }
    return false;
  }

  Evaluated<bool> describe(const std::string& key, const struct stat& facts, SourceItem& item) {
    std::string text = "{\"Etag\":";
    // Changes with the file, as the service's does; its content is not read for it.
    append_json_string(text, fmt::format("\"{:x}-{:x}-{:x}\"", facts.st_mtim.tv_sec,
                                         facts.st_mtim.tv_nsec, facts.st_size));
    text += ",\"Key\":";
    append_json_string(text, key);
    text += fmt::format(",\"LastModified\":{},\"Size\":{},\"StorageClass\":\"STANDARD\"}}",
                        facts.st_mtim.tv_sec, facts.st_size);
    if (!check_json(text))
      return reader_failure(
          fmt::format("bucket \"{}\": file number {} has a name that is not UTF-8; rename it",
                      bucket_, item.index));
    item.text = std::move(text);
    return true;
  }

  const std::string bucket_;
  const std::string prefix_;
  std::vector<Level> levels_;
};

}  // namespace

Evaluated<std::unique_ptr<ItemSource>> items_of_listing(const std::string& directory,
                                                        const std::string& bucket,
                                                        std::string prefix,
                                                        std::int64_t items_max) {
  if (bucket.find('/') != std::string::npos)
    return reader_failure(fmt::format("Bucket \"{}\" is no single name: expected no '/'", bucket));
  if (auto parts = path_parts(bucket, "Bucket", "States.ItemReaderFailed"); !parts)
    return std::move(parts.failure());
  FileHandle top(::open(directory.c_str(), O_RDONLY | O_DIRECTORY | O_CLOEXEC));
  FileHandle folder(
      top ? ::openat(top.get(), bucket.c_str(), O_RDONLY | O_DIRECTORY | O_NOFOLLOW | O_CLOEXEC)
          : -1);
  if (!folder)
    return reader_failure(
        fmt::format("bucket \"{}\" cannot be opened below the directory of items: {}", bucket,
                    std::generic_category().message(errno)));
  auto source = std::make_unique<ListingSource>(bucket, std::move(prefix), items_max);
  if (auto failure = source->enter(std::move(folder), "")) return *std::move(failure);
  return std::unique_ptr<ItemSource>(std::move(source));
}

}  // namespace sluice::orchestrator
