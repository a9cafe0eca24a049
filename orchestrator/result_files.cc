#include "orchestrator/result_files.h"

#include <fcntl.h>
#include <fmt/core.h>
#include <sys/stat.h>
#include <unistd.h>

#include <cerrno>
#include <system_error>

#include "base/json_scan.h"
#include "base/json_text.h"

namespace sluice::orchestrator {
namespace {

using workflows::Evaluated;
using workflows::Failure;
using Transformation = workflows::ResultWriter::Transformation;

constexpr const char* writer_failed = "States.ResultWriterFailed";
constexpr std::size_t buffer_bytes = 64 << 10;

Failure failure(std::string cause) { return {writer_failed, std::move(cause)}; }
Failure failure(std::string_view what, int error) {
  return failure(fmt::format("{}: {}", what, std::generic_category().message(error)));
}

std::string_view to_string(ChildResult::Status status) {
  switch (status) {
    case ChildResult::Status::succeeded:
      return "SUCCEEDED";
    case ChildResult::Status::failed:
      return "FAILED";
    case ChildResult::Status::timed_out:
      return "TIMED_OUT";
    case ChildResult::Status::aborted:
      return "ABORTED";
    case ChildResult::Status::pending:
      return "PENDING";
  }
  return "PENDING";
}

void member(std::string& out, std::string_view name, std::string_view text) {
  out += out.size() == 1 ? "" : ",";
  append_json_string(out, name);
  out += ':';
  append_json_string(out, text);
}

std::string whole(const ChildResult& result, const ResultPlace& place) {
  std::string out = "{";
  const bool started = result.status != ChildResult::Status::pending;
  if (started && !result.execution_arn.empty()) member(out, "ExecutionArn", result.execution_arn);
  if (result.input) {
    member(out, "Input", result.input.text());
    out += ",\"InputDetails\":{\"Included\":true}";
  }
  member(out, "Name", result.name);
  if (result.output) {
    member(out, "Output", result.output.text());
    out += ",\"OutputDetails\":{\"Included\":true}";
  }
  if (result.error) member(out, "Error", *result.error);
  if (result.cause) member(out, "Cause", *result.cause);
  if (started) member(out, "StartDate", to_rfc3339(result.started_at));
  if (!place.state_machine_arn.empty()) member(out, "StateMachineArn", place.state_machine_arn);
  member(out, "Status", to_string(result.status));
  if (started) member(out, "StopDate", to_rfc3339(result.ended_at));
  return out + '}';
}

// The folder of that name, made if it is missing.
FileHandle folder_in(const FileHandle& parent, const std::string& name) {
  const bool made = ::mkdirat(parent.get(), name.c_str(), 0777) == 0;
  if (!made && errno != EEXIST) return {};
  if (made) ::fsync(parent.get());
  return FileHandle(
      ::openat(parent.get(), name.c_str(), O_RDONLY | O_DIRECTORY | O_NOFOLLOW | O_CLOEXEC));
}

Evaluated<std::string> text_argument(const Json& arguments, const char* name, bool required) {
  const auto found = arguments.is_object() ? arguments.find(name) : arguments.end();
  if (found == arguments.end() && !required) return std::string();
  if (found == arguments.end() || !found->is_string())
    return failure(fmt::format("the ResultWriter's {}: expected a string, found {}", name,
                               found == arguments.end() ? std::string("no such member")
                                                        : workflows::excerpt(*found, 200)));
  return found->get<std::string>();
}

}  // namespace

Evaluated<ResultFiles> ResultFiles::open(const workflows::ResultWriter& settings,
                                         const Json& arguments, ResultPlace place) {
  ResultFiles files(settings, std::move(place));
  if (auto failed = files.prepare(arguments)) return *std::move(failed);
  return files;
}

ResultFiles::~ResultFiles() {
  if (folder_) remove_temporary();
}

std::optional<Failure> ResultFiles::prepare(const Json& arguments) {
  if (place_.directory.empty())
    return failure(
        "this server writes no files of results: start it with --items-directory DIR "
        "(SLUICE_ITEMS_DIRECTORY); Bucket and Prefix then name DIR/BUCKET/PREFIX");
  auto bucket = text_argument(arguments, "Bucket", true);
  if (!bucket) return std::move(bucket.failure());
  auto prefix = text_argument(arguments, "Prefix", false);
  if (!prefix) return std::move(prefix.failure());
  while (!prefix->empty() && prefix->back() == '/') prefix->pop_back();
  bucket_ = *std::move(bucket);
  key_ = prefix->empty() ? place_.id : *prefix + '/' + place_.id;
  if (bucket_.find('/') != std::string::npos)
    return failure(fmt::format("Bucket \"{}\" is no single name: expected no '/'", bucket_));
  auto parts = path_parts(bucket_ + '/' + key_, "Bucket and Prefix", writer_failed);
  if (!parts) return std::move(parts.failure());

  FileHandle top(::open(place_.directory.c_str(), O_RDONLY | O_DIRECTORY | O_CLOEXEC));
  if (!top)
    return failure(fmt::format("the directory of items \"{}\" cannot be opened (the server's "
                               "option --items-directory)",
                               place_.directory),
                   errno);
  bucket_folder_ = folder_in(top, bucket_);
  if (!bucket_folder_)
    return failure(fmt::format("bucket \"{}\" cannot be opened or made", bucket_), errno);
  parent_ = FileHandle(::fcntl(bucket_folder_.get(), F_DUPFD_CLOEXEC, 0));
  for (std::size_t i = 1; parent_ && i + 1 < parts->size(); ++i)
    parent_ = folder_in(parent_, (*parts)[i]);
  if (!parent_)
    return failure(fmt::format("folder \"{}/{}\" cannot be opened or made", bucket_, *prefix),
                   errno);
  struct stat facts {};
  there_ = ::fstatat(parent_.get(), place_.id.c_str(), &facts, AT_SYMLINK_NOFOLLOW) == 0;
  if (there_) return std::nullopt;
  const std::string extension = lines_ ? ".jsonl" : ".json";
  parts_[0].name = "SUCCEEDED_0" + extension;
  parts_[1].name = "FAILED_0" + extension;
  parts_[2].name = "PENDING_0" + extension;
  remove_temporary();
  folder_ = folder_in(bucket_folder_, temporary());
  if (!folder_)
    return failure(fmt::format("bucket \"{}\": a folder for the results cannot be made", bucket_),
                   errno);
  return std::nullopt;
}

void ResultFiles::remove_temporary() {
  const FileHandle folder(::openat(bucket_folder_.get(), temporary().c_str(),
                                   O_RDONLY | O_DIRECTORY | O_NOFOLLOW | O_CLOEXEC));
  if (!folder) return;
  // Whichever form an earlier attempt had.
  for (const char* name : {"SUCCEEDED_0", "FAILED_0", "PENDING_0"})
    for (const char* extension : {".json", ".jsonl"})
      ::unlinkat(folder.get(), (std::string(name) + extension).c_str(), 0);
  ::unlinkat(folder.get(), "manifest.json", 0);
  ::unlinkat(bucket_folder_.get(), temporary().c_str(), AT_REMOVEDIR);
}

std::optional<Failure> ResultFiles::append(Part& part, std::string_view entry) {
  if (!part.file) {
    part.file = FileHandle(::openat(folder_.get(), part.name.c_str(),
                                    O_WRONLY | O_CREAT | O_EXCL | O_NOFOLLOW | O_CLOEXEC, 0666));
    if (!part.file) return failure(fmt::format("\"{}\" cannot be made", part.name), errno);
    if (!lines_) part.buffer += '[';
  } else {
    part.buffer += lines_ ? '\n' : ',';
  }
  part.buffer += entry;
  return part.buffer.size() >= buffer_bytes ? flush(part) : std::nullopt;
}

std::optional<Failure> ResultFiles::flush(Part& part) {
  std::string_view left = part.buffer;
  while (!left.empty()) {
    const ssize_t count = ::write(part.file.get(), left.data(), left.size());
    if (count < 0 && errno == EINTR) continue;
    if (count < 0) return failure(fmt::format("\"{}\" cannot be written", part.name), errno);
    left.remove_prefix(static_cast<std::size_t>(count));
    part.bytes += count;
  }
  part.buffer.clear();
  return std::nullopt;
}

std::optional<Failure> ResultFiles::close(Part& part) {
  if (!part.file) return std::nullopt;
  part.buffer += lines_ ? "\n" : "]";
  if (auto failed = flush(part)) return failed;
  if (::fsync(part.file.get()) != 0)
    return failure(fmt::format("\"{}\" cannot be flushed to disk", part.name), errno);
  part.file.reset();
  return std::nullopt;
}

Evaluated<bool> ResultFiles::add(const ChildResult& result) {
  if (there_) return true;
  std::optional<Failure> failed;
  using Status = ChildResult::Status;
  if (result.status != Status::succeeded) {
    const bool pending = result.status == Status::pending || result.status == Status::aborted;
    failed = append(parts_[pending ? 2 : 1], whole(result, place_));
  } else if (transformation_ == Transformation::none) {
    failed = append(parts_[0], whole(result, place_));
  } else {
    const std::string_view output = result.output ? std::string_view(result.output.text()) : "null";
    const std::size_t start = output.find_first_not_of(" \n\r\t");
    if (transformation_ == Transformation::flatten && start != std::string_view::npos &&
        output[start] == '[') {
      const auto elements = scan_array(output, SIZE_MAX);
      SLUICE_CHECK(elements.has_value(), "a Doc's text is well-formed");
      for (const std::string_view element : *elements)
        if ((failed = append(parts_[0], element))) break;
    } else {
      failed = append(parts_[0], output);
    }
  }
  if (failed) return *std::move(failed);
  return true;
}

Evaluated<Doc> ResultFiles::finish() {
  if (!there_) {
    std::string manifest = "{";
    member(manifest, "DestinationBucket", bucket_);
    member(manifest, "MapRunArn", place_.map_run_arn);
    manifest += ",\"ResultFiles\":{";
    constexpr std::array<std::pair<const char*, std::size_t>, 3> lists = {
        {{"FAILED", 1}, {"PENDING", 2}, {"SUCCEEDED", 0}}};
    for (const auto& [name, index] : lists) {
      Part& part = parts_[index];
      const bool written = static_cast<bool>(part.file);
      if (auto failed = close(part)) return *std::move(failed);
      manifest += fmt::format("{}\"{}\":[", index == 1 ? "" : ",", name);
      if (written) {
        std::string entry = "{";
        member(entry, "Key", key_ + '/' + part.name);
        manifest += entry + fmt::format(",\"Size\":{}}}", part.bytes);
      }
      manifest += ']';
    }
    manifest += "}}";
    Part file{"manifest.json",
              FileHandle(::openat(folder_.get(), "manifest.json",
                                  O_WRONLY | O_CREAT | O_EXCL | O_NOFOLLOW | O_CLOEXEC, 0666)),
              manifest};
    if (!file.file) return failure("\"manifest.json\" cannot be made", errno);
    if (auto failed = flush(file)) return *std::move(failed);
    if (::fsync(file.file.get()) != 0 || ::fsync(folder_.get()) != 0)
      return failure("the results cannot be flushed to disk", errno);
    if (::renameat(bucket_folder_.get(), temporary().c_str(), parent_.get(), place_.id.c_str()) !=
        0)
      return failure(fmt::format("folder \"{}/{}\" cannot be made", bucket_, key_), errno);
    folder_.reset();
    there_ = true;
    if (::fsync(parent_.get()) != 0 || ::fsync(bucket_folder_.get()) != 0)
      return failure("the results cannot be flushed to disk", errno);
  }
  std::string details = "{";
  member(details, "Bucket", bucket_);
  member(details, "Key", key_ + "/manifest.json");
  std::string document = "{";
  member(document, "MapRunArn", place_.map_run_arn);
  return Doc::from_text(document + ",\"ResultWriterDetails\":" + details + "}}");
}

}  // namespace sluice::orchestrator
