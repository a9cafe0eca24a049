#include "orchestrator/item_source.h"

#include <doctest/doctest.h>
#include <sys/stat.h>
#include <unistd.h>

#include <filesystem>
#include <fstream>

#include "support/scratch_directory.h"

using namespace sluice;
using namespace sluice::orchestrator;
using workflows::ItemReader;

namespace {

struct Files {
  test_support::ScratchDirectory directory;
  std::size_t item_bytes_max = 1 << 20;

  void write(const std::string& path, const std::string& text) {
    const std::filesystem::path whole = directory / path;
    std::filesystem::create_directories(whole.parent_path());
    std::ofstream(whole, std::ios::binary) << text;
  }
  workflows::Evaluated<std::unique_ptr<ItemSource>> open(const ItemReader& reader,
                                                         const std::string& arguments,
                                                         std::int64_t items_max = 0) {
    return open_items(reader, *parse_json(arguments), items_max,
                      {.directory = directory.path(), .item_bytes_max = item_bytes_max});
  }
};

// The items joined by spaces, a key before its item; a failure as "! error: cause".
std::string all(ItemSource& source) {
  std::string out;
  for (;;) {
    auto item = source.next();
    if (!item) return out + "! " + item.failure().error + ": " + item.failure().cause;
    if (!*item) return out;
    if (!out.empty()) out += ' ';
    if ((*item)->key) out += *(*item)->key + "=";
    out += (*item)->text;
  }
}
std::string all(workflows::Evaluated<std::unique_ptr<ItemSource>> source) {
  if (!source) return "! " + source.failure().error + ": " + source.failure().cause;
  return all(**source);
}

constexpr const char* in_file = R"({"Bucket":"b","Key":"f"})";

std::string json_items(const std::string& text, const std::string& pointer = "") {
  Files files;
  files.write("b/f", text);
  ItemReader reader;
  reader.items_pointer = pointer;
  return all(files.open(reader, in_file));
}
std::string line_items(const std::string& text) {
  Files files;
  files.write("b/f", text);
  ItemReader reader;
  reader.format = ItemReader::Format::json_lines;
  return all(files.open(reader, in_file));
}
std::string csv_items(const std::string& text, char delimiter = ',',
                      std::vector<std::string> headers = {}) {
  Files files;
  files.write("b/f", text);
  ItemReader reader;
  reader.format = ItemReader::Format::csv;
  reader.csv_delimiter = delimiter;
  reader.csv_header_given = !headers.empty();
  reader.csv_headers = std::move(headers);
  return all(files.open(reader, in_file));
}
bool holds(const std::string& text, const std::string& part) {
  return text.find(part) != std::string::npos;
}

}  // namespace

TEST_CASE("a document's elements are slices of its text, its members have their names") {
  CHECK(all(*items_of(Doc::from_text(R"( [ 1 , {"a": [2, "]"]},"x,y", [] ] )"))) ==
        R"(1 {"a": [2, "]"]} "x,y" [])");
  CHECK(all(*items_of(Doc::from_text("[]"))) == "");
  CHECK(all(*items_of(Doc::from_text(R"({"a":1,"b\n":{"c":2}})"))) == "a=1 b\n={\"c\":2}");
  CHECK(all(*items_of(Doc::from_text("{ }"))) == "");
  CHECK(items_of(Doc::from_text("[]"))->name() == "STATE_DATA");
}

TEST_CASE("items are numbered, skipped over and bounded by their greatest number") {
  auto source = items_of(Doc::from_text("[10,11,12,13,14]"), 4);
  REQUIRE(source->skip(2));
  auto item = source->next();
  REQUIRE(item);
  CHECK((*item)->index == 2);
  CHECK((*item)->text == "12");
  CHECK(all(*source) == "13");
  CHECK(*source->skip(7) == 0);
}

TEST_CASE("a JSON file's array is cut into items as it is read") {
  CHECK(json_items(R"([{"a": 1}, [2,3], "x\"]", null, -1.5e3 ])") ==
        R"({"a": 1} [2,3] "x\"]" null -1.5e3)");
  CHECK(json_items("\xEF\xBB\xBF[1]\n") == "1");
  CHECK(json_items("[]") == "");
  // Longer than one piece of the file.
  const std::string large(100'000, 'x');
  CHECK(json_items("[\"" + large + "\",1,\"" + large + "\"]") ==
        '"' + large + "\" 1 \"" + large + '"');
}

TEST_CASE("ItemsPointer selects an array or an object inside of a JSON file") {
  const std::string text = R"({"skip": {"items": [0]}, "a/b": [5, {"items": [1, 2], "more": 3}]})";
  CHECK(json_items(text, "/a~1b/1/items") == "1 2");
  CHECK(json_items(text, "/a~1b/1") == "items=[1, 2] more=3");
  CHECK(holds(json_items(text, "/a~1b/7"), "there is no \"/a~1b/7\""));
  CHECK(holds(json_items(text, "/nothing/items"), "there is no \"/nothing\""));
  CHECK(holds(json_items(text, "/a~1b/0"), "non-iterable"));
}

TEST_CASE("a JSON file that is no array of items is refused with the place") {
  CHECK(holds(json_items(R"({"Hello": "world"})"),
              "! States.ItemReaderFailed: Attempting to map over non-iterable node."));
  CHECK(holds(json_items("5"), "non-iterable"));
  CHECK(holds(json_items(""), "found the end of the file"));
  CHECK(holds(json_items("[1,\n2 3]"),
              "1 2! States.ItemReaderFailed: file \"b/f\" is not JSON: "
              "line 2: expected ',' or ']', found '3'"));
  CHECK(holds(json_items("[1] x"), "expected the end of the file, found 'x'"));
  CHECK(holds(json_items("[1,"), "expected a JSON value, found the end of the file"));
  CHECK(holds(json_items("[{\"a\":}]"), "item 0"));
  CHECK(holds(json_items("[{\"a\":1]]"), "item 0"));
  CHECK(holds(json_items("[\"\xFF\"]"), "valid UTF-8"));
  CHECK(holds(json_items("[,1]"), "expected a JSON value, found ','"));
}

TEST_CASE("a file with a value per line gives them, and names the line that is none") {
  CHECK(line_items("{\"a\":1}\n\n [2] \r\n3") == "{\"a\":1} [2] 3");
  CHECK(line_items("") == "");
  CHECK(holds(line_items("1\n{\n"), "1! States.ItemReaderFailed: file \"b/f\", line 2"));
}

TEST_CASE("cells of a CSV file are strings; extra ones are dropped and missing ones empty") {
  CHECK(csv_items("A,B,C\n1,2,3\n,,,\ntrue,x\n   \n") ==
        R"({"A":"1","B":"2","C":"3"} {"A":"","B":"","C":""} {"A":"true","B":"x","C":""} )"
        R"({"A":"   ","B":"","C":""})");
  CHECK(csv_items("A,\n1,2") == R"({"A":"1","":"2"})");
  CHECK(csv_items("1|2\r\n\r\n3|4\r\n", '|', {"x", "y"}) ==
        R"({"x":"1","y":"2"} {"x":"3","y":"4"})");
}

TEST_CASE("a quoted CSV cell may hold delimiters, newlines and quotes") {
  CHECK(csv_items("A,B\n\"x,\"\"y\"\"\n z\",\"\"\nq\"q,'s'\n") ==
        R"({"A":"x,\"y\"\n z","B":""} {"A":"q\"q","B":"'s'"})");
  CHECK(holds(csv_items("A\n\"x\n"), "line 2: expected the closing '\"'"));
}

TEST_CASE("a CSV header must be there and name each column once") {
  CHECK(holds(csv_items("A,B,A\n1,2,3\n"), "CSV headers cannot contain duplicates: \"A\""));
  CHECK(holds(csv_items("1", ',', {"x", "x"}), "(CSVHeaders)"));
  CHECK(holds(csv_items(""), "is empty"));
  CHECK(holds(csv_items("A\n\xFF\n"), "line 2: expected valid UTF-8"));
}

TEST_CASE("an item larger than the limit is refused before it is held") {
  Files files;
  files.item_bytes_max = 10;
  files.write("b/f", "[1,\"0123456789\"]");
  files.write("b/lines", "1\n\"0123456789\"\n");
  files.write("b/csv", "A\nx\n0123456789\n");
  ItemReader reader;
  CHECK(holds(all(files.open(reader, in_file)), "1! States.ItemReaderFailed"));
  reader.format = ItemReader::Format::json_lines;
  CHECK(holds(all(files.open(reader, R"({"Bucket":"b","Key":"lines"})")), "at most 10 bytes"));
  reader.format = ItemReader::Format::csv;
  CHECK(holds(all(files.open(reader, R"({"Bucket":"b","Key":"csv"})")), "at most 10 bytes"));
}

TEST_CASE("a listing gives the files in the order of their keys") {
  Files files;
  for (const char* key : {"b/z", "b/a/2", "b/a/1", "b/a.txt", "b/a0", ".x/y"})
    files.write(key, "hi");
  files.write("b/.sluice-1/t", "not seen");
  ItemReader reader;
  reader.source = ItemReader::Source::listing;
  const auto keys = [&](const std::string& arguments) {
    auto source = files.open(reader, arguments);
    REQUIRE(source);
    CHECK((*source)->name() == "S3://b");
    std::string out;
    for (;;) {
      auto item = (*source)->next();
      REQUIRE(item);
      if (!*item) return out;
      const Json facts = *parse_json((*item)->text);
      CHECK(facts["Size"] == 2);
      CHECK(facts["LastModified"].get<std::int64_t>() > 1'000'000'000);
      CHECK(facts["StorageClass"] == "STANDARD");
      CHECK(facts["Etag"].get<std::string>().front() == '"');
      out += facts["Key"].get<std::string>() + ' ';
    }
  };
  CHECK(keys(R"({"Bucket":"b"})") == "a.txt a/1 a/2 a0 z ");
  CHECK(keys(R"({"Bucket":"b","Prefix":"a/"})") == "a/1 a/2 ");
  CHECK(keys(R"({"Bucket":"b","Prefix":"a/2"})") == "a/2 ");
  CHECK(keys(R"({"Bucket":"b","Prefix":"nothing"})") == "");
  CHECK(holds(all(files.open(reader, R"({"Bucket":"gone"})")), "bucket \"gone\""));
}

TEST_CASE("nothing outside of the directory of items can be reached") {
  Files files;
  files.write("secret", "[1]");
  files.write("b/f", "[1]");
  std::filesystem::create_symlink(files.directory / "secret", files.directory / "b/link");
  std::filesystem::create_directory_symlink(files.directory.path(), files.directory / "b/up");
  REQUIRE(::mkfifo((files.directory / "b/pipe").c_str(), 0600) == 0);
  const auto refused = [&](const std::string& arguments) {
    return holds(all(files.open({}, arguments)), "! States.ItemReaderFailed");
  };
  CHECK(refused(R"({"Bucket":"..","Key":"f"})"));
  CHECK(refused(R"({"Bucket":"b","Key":"../secret"})"));
  CHECK(refused(R"({"Bucket":"b","Key":"/etc/passwd"})"));
  CHECK(refused(R"({"Bucket":"b","Key":"a//f"})"));
  CHECK(refused(R"({"Bucket":"b/f","Key":"f"})"));
  CHECK(refused(R"({"Bucket":"","Key":"f"})"));
  CHECK(refused(R"({"Bucket":"b","Key":""})"));
  CHECK(refused(R"({"Bucket":"b","Key":"f\u0000"})"));
  CHECK(refused(R"({"Bucket":"b","Key":"link"})"));
  CHECK(refused(R"({"Bucket":"b","Key":"up/secret"})"));
  CHECK(refused(R"({"Bucket":"b","Key":"pipe"})"));
  CHECK(refused(R"({"Bucket":"b","Key":"none"})"));
  CHECK(refused(R"({"Bucket":"b"})"));
  CHECK(refused(R"({"Bucket":"b","Key":5})"));
  CHECK(refused(R"("b")"));
}

TEST_CASE("without a directory of items the failure says which option to set") {
  const auto source = open_items({}, *parse_json(in_file), 0, {});
  REQUIRE_FALSE(source);
  CHECK(source.failure().error == "States.ItemReaderFailed");
  CHECK(holds(source.failure().cause, "--items-directory"));
}

TEST_CASE("a greatest number of items below zero is refused in the service's words") {
  Files files;
  const auto source = files.open({}, in_file, -1);
  REQUIRE_FALSE(source);
  CHECK(source.failure().cause == "field MaxItems must be positive");
}

namespace {
std::string batches(const std::string& items, ItemBatcher::Limits limits, Doc input = {},
                    ItemBatcher::Prepare prepare = {}) {
  auto source = items_of(Doc::from_text(items));
  ItemBatcher batcher(*source, limits, std::move(input), std::move(prepare));
  std::string out;
  for (;;) {
    auto batch = batcher.next();
    if (!batch) return out + "! " + batch.failure().error + ": " + batch.failure().cause;
    if (!*batch) return out;
    out += std::to_string((*batch)->index) + '@' + std::to_string((*batch)->first_item) + '+' +
           std::to_string((*batch)->item_count) + (*batch)->text + ' ';
  }
}
}  // namespace

TEST_CASE("batches hold items up to a number and a size, and the batch input") {
  CHECK(batches("[1,2,3]", {.items_max = 2}) == R"(0@0+2{"Items":[1,2]} 1@2+1{"Items":[3]} )");
  CHECK(batches("[1,2,3]", {.items_max = 2}, Doc::from_text("{\"x\":1}")) ==
        R"(0@0+2{"Items":[1,2],"BatchInput":{"x":1}} 1@2+1{"Items":[3],"BatchInput":{"x":1}} )");
  CHECK(batches("[1,2,3]", {.bytes_max = 15}) == R"(0@0+2{"Items":[1,2]} 1@2+1{"Items":[3]} )");
  CHECK(batches("[]", {.items_max = 2}) == "");
  CHECK(holds(batches("[1,\"0123456789\"]", {.bytes_max = 15}),
              R"(0@0+1{"Items":[1]} ! States.ItemReaderFailed: item 1 alone)"));
  CHECK(batches("[1,2]", {.items_max = 5}, {}, [](SourceItem item) {
          return workflows::Evaluated<std::string>("[" + item.text + "]");
        }) == R"(0@0+2{"Items":[[1],[2]]} )");
}
