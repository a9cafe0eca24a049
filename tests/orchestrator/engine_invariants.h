// What the rows of an engine must say after anything that was asked of it, beyond
// Inspector::check().
#pragma once

#include <fstream>
#include <sstream>

#include "orchestrator/engine_fixture.h"
#include "orchestrator/frame_row.h"
#include "orchestrator/wait_kind.h"

namespace sluice::orchestrator::engine_test {

// Every frame is the root of a live run or a live child of one that waits for it, and nothing
// stands for a frame that is no more.
inline void check_frames(World& w) {
  static constexpr storage::Sql frames{"test.all_frames",
                                       "SELECT id, wait_kind, due, data FROM frames UNION ALL "
                                       "SELECT id, 1, 1, owner FROM messages "
                                       "WHERE owner IS NOT NULL"};
  static constexpr storage::Sql live_children{
      "test.live_children", "SELECT spawn, idx, frame FROM children WHERE status = 1"};
  struct Stored {
    WaitKind kind = WaitKind::message;
    bool due = false;
    FrameRow row;
  };
  std::map<FrameId, Stored> all;
  std::map<FrameId, std::pair<std::int64_t, std::int64_t>> children;
  w.database->read([&](storage::Reader& reader) {
    for (auto q = reader.query(frames); q.step();) {
      const FrameId id{q.int64(0)};
      REQUIRE(all.emplace(id, Stored{static_cast<WaitKind>(q.int64(1)), !q.is_null(2),
                                     decode_frame(id, q.blob(3))})
                  .second);
    }
    for (auto q = reader.query(live_children); q.step();)
      REQUIRE(children.emplace(FrameId{q.int64(2)}, std::pair{q.int64(0), q.int64(1)}).second);
  });
  for (const auto& [id, frame] : all) {
    CAPTURE(to_string(id));
    const FrameRow& row = frame.row;
    const bool timed = frame.kind == WaitKind::message || frame.kind == WaitKind::delay ||
                       frame.kind == WaitKind::continuation;
    CHECK(frame.due == timed);
    if (!row.frame.parent) {
      CHECK(id.value == row.run.value);
    } else {
      REQUIRE(children.contains(id));
      CHECK(children.at(id) == std::pair{row.spawn, row.index});
      REQUIRE(all.contains(row.frame.parent));
      CHECK(all.at(row.frame.parent).row.spawned == row.spawn);
      CHECK(all.at(row.frame.parent).row.run == row.run);
    }
    if (frame.kind == WaitKind::child_run) {
      REQUIRE(all.contains(FrameId{row.child_run.value}));
      CHECK(all.at(FrameId{row.child_run.value}).row.waiter == id);
    }
    if (frame.kind == WaitKind::children) CHECK(row.spawned != 0);
    // Nobody runs for a state that waits no longer, unless it is being stopped.
    if (row.waiter && row.stopping.run_status == 0) {
      REQUIRE(all.contains(row.waiter));
      CHECK(all.at(row.waiter).row.child_run == row.run);
    }
  }
  for (const auto& [id, place] : children) CHECK(all.contains(id));
}

// Every run has succeeded and every time-out is past: no row is left but those of the log and the
// runs.
inline void check_nothing_left(World& w) {
  static constexpr storage::Sql left{
      "test.left",
      "SELECT (SELECT count(*) FROM frames), (SELECT count(*) FROM messages), (SELECT count(*) "
      "FROM children), (SELECT count(*) FROM spent_spawns), (SELECT count(*) FROM deadlines)"};
  w.database->read([&](storage::Reader& reader) {
    auto q = reader.query(left);
    REQUIRE(q.step());
    for (int i = 0; i < 5; ++i) {
      CAPTURE(i);
      CHECK(q.int64(i) == 0);
    }
  });
}

// The outputs that the files of a Map hold; what is wrong, or "".
inline std::string read_result_files(const std::string& directory, const Json& result,
                                     std::vector<Json>& outputs) {
  const Json details = result.value("ResultWriterDetails", Json::object());
  const std::string bucket = directory + "/" + details.value("Bucket", "") + "/";
  const auto read = [](const std::string& path) {
    std::ifstream file(path);
    std::stringstream text;
    text << file.rdbuf();
    return parse_json(text.str());
  };
  const auto manifest = read(bucket + details.value("Key", ""));
  if (!manifest) return "there is no manifest";
  for (const Json& part : (*manifest)["ResultFiles"]["SUCCEEDED"]) {
    const auto list = read(bucket + part["Key"].get<std::string>());
    if (!list) return "a file of the manifest is missing";
    for (const Json& one : *list) outputs.push_back(*parse_json(one["Output"].get<std::string>()));
  }
  return "";
}

}  // namespace sluice::orchestrator::engine_test
