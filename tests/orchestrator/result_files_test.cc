#include "orchestrator/result_files.h"

#include <doctest/doctest.h>

#include <filesystem>
#include <fstream>
#include <sstream>

#include "support/scratch_directory.h"

using namespace sluice;
using namespace sluice::orchestrator;
using Settings = workflows::ResultWriter;

namespace {

ChildResult succeeded(const std::string& name, const std::string& output) {
  return {.status = ChildResult::Status::succeeded,
          .name = name,
          .execution_arn = "run-" + name,
          .input = Doc::from_text("{\"n\": " + name + "}"),
          .output = Doc::from_text(output),
          .error = {},
          .cause = {},
          .started_at = WallTime{1'000'000},
          .ended_at = WallTime{2'000'000}};
}
ChildResult failed(const std::string& name) {
  ChildResult result = succeeded(name, "1");
  result.status = ChildResult::Status::failed;
  result.output = {};
  result.error = "Bad";
  result.cause = "because";
  return result;
}

struct Place {
  test_support::ScratchDirectory directory;

  workflows::Evaluated<ResultFiles> open(
      Settings settings = {},
      const std::string& arguments = R"({"Bucket":"out","Prefix":"jobs/"})") {
    return ResultFiles::open(settings, *parse_json(arguments),
                             {directory.path(), "id-1", "arn:map", "arn:machine"});
  }
  std::string read(const std::string& name) {
    std::ifstream file(directory / ("out/jobs/id-1/" + name));
    std::stringstream text;
    text << file.rdbuf();
    return file ? text.str() : "no such file";
  }
  // What stands directly in the bucket.
  std::string bucket() {
    std::string names;
    for (const auto& entry : std::filesystem::directory_iterator(directory / "out"))
      names += entry.path().filename().string() + ' ';
    return names;
  }
};

constexpr const char* document = R"({"MapRunArn":"arn:map","ResultWriterDetails":)"
                                 R"({"Bucket":"out","Key":"jobs/id-1/manifest.json"}})";

}  // namespace

TEST_CASE("results appear whole, with a manifest, when they are finished and not before") {
  Place place;
  auto files = place.open();
  REQUIRE(files);
  CHECK_FALSE(files->already_there());
  REQUIRE(files->add(succeeded("1", "[2]")));
  REQUIRE(files->add(failed("2")));
  CHECK(place.read("manifest.json") == "no such file");
  const auto result = files->finish();
  REQUIRE(result);
  CHECK(result->text() == document);
  CHECK(place.bucket() == "jobs ");

  const Json good = *parse_json(place.read("SUCCEEDED_0.json"));
  REQUIRE(good.size() == 1);
  CHECK(good[0]["Name"] == "1");
  CHECK(good[0]["Status"] == "SUCCEEDED");
  CHECK(good[0]["Input"] == "{\"n\": 1}");
  CHECK(good[0]["Output"] == "[2]");
  CHECK(good[0]["StateMachineArn"] == "arn:machine");
  const Json bad = *parse_json(place.read("FAILED_0.json"));
  CHECK(bad[0]["Error"] == "Bad");
  CHECK(bad[0]["Cause"] == "because");
  const Json manifest = *parse_json(place.read("manifest.json"));
  CHECK(manifest["DestinationBucket"] == "out");
  CHECK(manifest["ResultFiles"]["PENDING"].empty());
  CHECK(manifest["ResultFiles"]["SUCCEEDED"][0]["Key"] == "jobs/id-1/SUCCEEDED_0.json");
  CHECK(manifest["ResultFiles"]["SUCCEEDED"][0]["Size"] ==
        static_cast<std::int64_t>(place.read("SUCCEEDED_0.json").size()));
  CHECK(manifest["ResultFiles"]["FAILED"].size() == 1);
}

TEST_CASE("a compact file holds outputs, a flattened one the elements of those that are arrays") {
  const auto written = [](Settings settings) {
    Place place;
    auto files = place.open(settings);
    REQUIRE(files);
    REQUIRE(files->add(succeeded("1", "[1,[2]]")));
    REQUIRE(files->add(succeeded("2", "{\"a\":3}")));
    REQUIRE(files->finish());
    return place.read(settings.json_lines ? "SUCCEEDED_0.jsonl" : "SUCCEEDED_0.json");
  };
  using Transformation = Settings::Transformation;
  CHECK(written({.transformation = Transformation::compact, .arguments = {}}) ==
        R"([[1,[2]],{"a":3}])");
  CHECK(written({.transformation = Transformation::flatten, .arguments = {}}) ==
        R"([1,[2],{"a":3}])");
  CHECK(written({.json_lines = true, .transformation = Transformation::flatten, .arguments = {}}) ==
        "1\n[2]\n{\"a\":3}\n");
}

TEST_CASE("results that were finished before are kept, and the same document is given") {
  Place place;
  {
    auto files = place.open();
    REQUIRE(files->add(succeeded("1", "1")));
    REQUIRE(files->finish());
  }
  const std::string before = place.read("SUCCEEDED_0.json");
  auto files = place.open();
  REQUIRE(files);
  CHECK(files->already_there());
  REQUIRE(files->add(succeeded("9", "9")));
  const auto again = files->finish();
  REQUIRE(again);
  CHECK(again->text() == document);
  CHECK(place.read("SUCCEEDED_0.json") == before);
}

TEST_CASE("what an interrupted attempt has left is written anew, and what is given up is removed") {
  Place place;
  std::filesystem::create_directories(place.directory / "out/.sluice-id-1");
  std::ofstream(place.directory / "out/.sluice-id-1/SUCCEEDED_0.json") << "[half";
  {
    auto files = place.open();
    REQUIRE(files);
    REQUIRE(files->add(succeeded("1", "1")));
  }
  CHECK(place.bucket() == "jobs ");
  auto files = place.open();
  REQUIRE(files->add(succeeded("1", "1")));
  REQUIRE(files->finish());
  CHECK(parse_json(place.read("SUCCEEDED_0.json"))->size() == 1);
}

TEST_CASE("a Map without results still has a manifest") {
  Place place;
  auto files = place.open();
  REQUIRE(files);
  REQUIRE(files->finish());
  CHECK(place.read("manifest.json") ==
        R"({"DestinationBucket":"out","MapRunArn":"arn:map","ResultFiles":)"
        R"({"FAILED":[],"PENDING":[],"SUCCEEDED":[]}})");
}

TEST_CASE("results go nowhere else than below the directory") {
  Place place;
  std::filesystem::create_directories(place.directory / "out");
  std::filesystem::create_directory_symlink("/tmp", place.directory / "out/link");
  for (const char* arguments :
       {R"({"Bucket":"..","Prefix":"x"})", R"({"Bucket":"out","Prefix":"../x"})",
        R"({"Bucket":"out","Prefix":"/x"})", R"({"Bucket":"out","Prefix":"link"})",
        R"({"Bucket":"a/b"})", R"({"Bucket":7})", R"({})", "[]"}) {
    const auto files = place.open({}, arguments);
    REQUIRE_FALSE(files);
    CHECK(files.failure().error == "States.ResultWriterFailed");
  }
  const auto nowhere = ResultFiles::open({}, *parse_json(R"({"Bucket":"out"})"), {});
  REQUIRE_FALSE(nowhere);
  CHECK(nowhere.failure().cause.find("--items-directory") != std::string::npos);
}
