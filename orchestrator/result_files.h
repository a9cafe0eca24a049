// A Map's results as files below the directory of items, as its ResultWriter asks.
//
//   DIR/BUCKET/PREFIX/ID/manifest.json       where the others are, and how large
//                       /SUCCEEDED_0.json    each child that succeeded
//                       /FAILED_0.json       each that failed, with error and cause
//                       /PENDING_0.json      each that was never started or was stopped
//
// A file is there only if something stands in it; ".jsonl" where lines are asked for. With the
// transformation `none` an entry tells the whole child (input and output as text, times, status);
// with `compact` a succeeded one is its output alone; with `flatten` the elements of an output that
// is an array are entries of their own. Failed and pending ones are always told whole.
//
//   auto files = ResultFiles::open(…);
//   …files->add(result) in the order of the items…
//   auto document = files->finish();   // the Map's result
//
// Guarantees:
//   - All or nothing: the folder ID appears, whole and flushed to disk, in one rename in finish().
//   - Repeating it with the same ID is harmless: the folder that is there is kept, add() does
//     nothing, and finish() gives the same document. What a crash has left is written anew.
//   - Memory holds one result. Nothing outside of the directory is reached (item_files.h); folders
//     that are missing are made.
//
// Failure: States.ResultWriterFailed. A ResultFiles that has failed is only to be destroyed, which
// removes what it wrote.
//
// Threads: not thread-safe, caller serialises. The calls write and flush files and may block.
#pragma once

#include <array>
#include <optional>
#include <string>

#include "base/doc.h"
#include "base/json.h"
#include "base/time.h"
#include "orchestrator/item_files.h"
#include "workflows/evaluation.h"
#include "workflows/workflow.h"

namespace sluice::orchestrator {

struct ChildResult {
  enum class Status : std::uint8_t { succeeded, failed, timed_out, aborted, pending };
  Status status = Status::succeeded;
  std::string name;           // of the child
  std::string execution_arn;  // what stands for its id
  Doc input;
  Doc output;  // succeeded
  std::optional<std::string> error, cause;
  WallTime started_at, ended_at;  // but of a pending one
};

struct ResultPlace {
  std::string directory;  // the server's option; empty: there is none
  std::string id;         // unguessable is not needed, but the same for every repetition
  std::string map_run_arn;
  std::string state_machine_arn;
};

class ResultFiles {
 public:
  // `arguments`: the ResultWriter's, evaluated: Bucket and Prefix.
  static workflows::Evaluated<ResultFiles> open(const workflows::ResultWriter& settings,
                                                const Json& arguments, ResultPlace place);
  ~ResultFiles();
  ResultFiles(ResultFiles&& other) noexcept = default;
  ResultFiles& operator=(ResultFiles&&) = delete;

  // An earlier attempt has finished: nothing need be added.
  bool already_there() const { return there_; }
  workflows::Evaluated<bool> add(const ChildResult& result);
  // {"MapRunArn", "ResultWriterDetails": {"Bucket", "Key"}}
  workflows::Evaluated<Doc> finish();

 private:
  struct Part {
    std::string name;
    FileHandle file;
    std::string buffer;
    std::int64_t bytes = 0;
  };
  ResultFiles(const workflows::ResultWriter& settings, ResultPlace place)
      : lines_(settings.json_lines),
        transformation_(settings.transformation),
        place_(std::move(place)) {}

  std::optional<workflows::Failure> prepare(const Json& arguments);
  std::optional<workflows::Failure> append(Part& part, std::string_view entry);
  std::optional<workflows::Failure> flush(Part& part);
  std::optional<workflows::Failure> close(Part& part);
  std::string temporary() const { return ".sluice-" + place_.id; }
  void remove_temporary();

  bool lines_;
  workflows::ResultWriter::Transformation transformation_;
  ResultPlace place_;
  std::string bucket_, key_;  // key_: "PREFIX/ID"
  FileHandle bucket_folder_, parent_, folder_;
  std::array<Part, 3> parts_;  // succeeded, failed, pending
  bool there_ = false;
};

}  // namespace sluice::orchestrator
