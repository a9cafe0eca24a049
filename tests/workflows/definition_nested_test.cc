// Parallel and Map: States objects inside of states.
#include "definition_support.h"
#include "workflows/graph.h"

namespace sluice::workflows::testing {
namespace {

constexpr std::string_view nested = R"({"StartAt":"Both","States":{
  "Both":{"Type":"Parallel","Next":"Each","Branches":[
    {"StartAt":"Left","States":{"Left":{"Type":"Pass","End":true}}},
    {"StartAt":"Right","States":{"Right":{"Type":"Task","Resource":"queue:right","End":true}}}]},
  "Each":{"Type":"Map","ItemsPath":"$.items","MaxConcurrency":3,"Label":"each","End":true,
    "ItemSelector":{"n.$":"$$.Map.Item.Value"},
    "ItemProcessor":{"ProcessorConfig":{"Mode":"INLINE"},"StartAt":"Inner","States":{
      "Inner":{"Type":"Map","End":true,"Iterator":{"StartAt":"Deep","States":{"Deep":{"Type":"Succeed"}}}}}}}}})";

std::string map_with(std::string_view fields) {
  return with_state(fmt::format(
      R"({{"Type":"Map","ItemProcessor":{{"ProcessorConfig":{{"Mode":"DISTRIBUTED","ExecutionType":"STANDARD"}},"StartAt":"I","States":{{"I":{{"Type":"Succeed"}}}}}},{}"End":true}})",
      fields));
}

void check_map(std::string_view fields, std::string_view pointer, std::string_view fragment) {
  check_refused(map_with(fields), fmt::format("/States/A{}", pointer), fragment);
}

const MapState& map_of(const std::shared_ptr<const Machine>& machine) {
  return std::get<MapState>(machine->states[machine->find("A")].body);
}

TEST_CASE("the states of branches and processors know in which state they stand") {
  const auto machine = check_accepted(nested);
  REQUIRE(machine->states.size() == 6);
  const auto at = [&](std::string_view name) -> const State& {
    return machine->states[machine->find(name)];
  };
  CHECK(machine->start_at == 0);
  CHECK(at("Both").parent == no_state);
  CHECK(at("Left").parent == machine->find("Both"));
  CHECK(at("Right").parent == machine->find("Both"));
  CHECK(at("Inner").parent == machine->find("Each"));
  CHECK(at("Deep").parent == machine->find("Inner"));
  CHECK(at("Deep").pointer == "/States/Each/ItemProcessor/States/Inner/Iterator/States/Deep");
  CHECK(std::get<ParallelState>(at("Both").body).branches ==
        std::vector<StateIndex>{machine->find("Left"), machine->find("Right")});
  const auto& each = std::get<MapState>(at("Each").body);
  CHECK(each.start_at == machine->find("Inner"));
  CHECK_FALSE(each.distributed);
  CHECK(each.items_path->text() == "$.items");
  CHECK(std::get<std::int64_t>(*each.concurrency_max) == 3);
  CHECK(each.label == "each");
  CHECK(machine->stage_queues == std::vector<std::string>{"right"});
}

TEST_CASE("branches beside each other may use a name twice") {
  const auto machine = check_accepted(
      R"({"StartAt":"P","States":{"P":{"Type":"Parallel","End":true,"Branches":[
         {"StartAt":"X","States":{"X":{"Type":"Succeed"}}},{"StartAt":"X","States":{"X":{"Type":"Succeed"}}}]}}})");
  const auto& branches = std::get<ParallelState>(machine->states[machine->start_at].body).branches;
  REQUIRE(branches.size() == 2);
  CHECK(branches[0] != branches[1]);
}

TEST_CASE("transitions stay in their States object, and names are unique in all of them") {
  check_refused(
      R"({"StartAt":"P","States":{"P":{"Type":"Parallel","Next":"Done","Branches":[{"StartAt":"X","States":{
         "X":{"Type":"Pass","Next":"Done"}}}]},"Done":{"Type":"Succeed"}}})",
      "/States/P/Branches/0/States/X/Next", "no state \"Done\"");
  check_refused(
      R"({"StartAt":"P","States":{"P":{"Type":"Parallel","Next":"X","Branches":[
         {"StartAt":"X","States":{"X":{"Type":"Succeed"}}}]},"X":{"Type":"Succeed"}}})",
      "/States/P/Branches/0/States/X", "the name \"X\" is taken by /States/X");
  check_refused(
      R"({"StartAt":"P","States":{"P":{"Type":"Parallel","End":true,"Branches":[{"StartAt":"X","States":{
         "X":{"Type":"Succeed"},"Y":{"Type":"Succeed"}}}]}}})",
      "/States/P/Branches/0/States/Y", "cannot be reached");
}

TEST_CASE("branches and processors are checked where they stand") {
  const auto parallel = [](std::string_view branches) {
    return with_state(fmt::format(R"({{"Type":"Parallel","Branches":{},"End":true}})", branches));
  };
  check_refused(with_state(R"({"Type":"Parallel","End":true})"), "/States/A",
                "\"Branches\" is missing");
  check_refused(parallel("[]"), "/States/A/Branches", "at least one branch");
  check_refused(parallel("[1]"), "/States/A/Branches/0", "a branch must be an object");
  check_refused(parallel(R"([{"StartAt":"X","States":{"X":{"Type":"Succeed"}},"Stat":1}])"),
                "/States/A/Branches/0/Stat", "a branch has no field");
  check_refused(with_state(R"({"Type":"Map","End":true})"), "/States/A",
                "\"ItemProcessor\" is missing");
  check_refused(map_with(R"("Iterator":{},)"), "/States/A/Iterator", "exclude each other");
  check_refused(
      with_state(
          R"({"Type":"Map","ItemProcessor":{"ProcessorConfig":{"Mode":"DISTRIBUTED"},"StartAt":"I","States":{"I":{"Type":"Succeed"}}},"End":true})"),
      "/States/A/ItemProcessor/ProcessorConfig", "\"ExecutionType\" is missing");
}

TEST_CASE("Parallel and Map nest as deep as the bound and no deeper") {
  const auto deep = [](int depth) {
    std::string text = R"({"StartAt":"s0","States":{"s0":{"Type":"Succeed"}}})";
    for (int i = 1; i < depth; ++i)
      text = fmt::format(
          R"({{"StartAt":"s{0}","States":{{"s{0}":{{"Type":"Parallel","End":true,"Branches":[{1}]}}}}}})",
          i, text);
    return text;
  };
  CHECK(check_accepted(deep(states_depth_max))->states.size() == states_depth_max);
  const auto problems = problems_of(deep(states_depth_max + 1));
  REQUIRE(problems.size() == 1);
  CHECK(problems[0].detail.find("nest more than 31 deep") != std::string::npos);
}

TEST_CASE("a Map's numbers and its label have bounds") {
  check_map(R"("MaxConcurrency":-1,)", "/MaxConcurrency", "from 0");
  check_map(R"("MaxConcurrency":1,"MaxConcurrencyPath":"$.n",)", "/MaxConcurrencyPath",
            "exclude each other");
  check_map(R"("ToleratedFailurePercentage":100.5,)", "/ToleratedFailurePercentage", "to 100");
  check_map(R"("ToleratedFailureCount":-1,)", "/ToleratedFailureCount", "from 0");
  check_map(R"("Label":"",)", "/Label", "1 to 40 characters");
  check_map(R"("Label":"a b",)", "/Label", "white space");
  check_map(R"("Items":[1],)", "/Items", "belongs to JSONata states");
  check_map(R"("ItemSelector":{},"Parameters":{},)", "/Parameters", "exclude each other");
  const auto machine = check_accepted(
      map_with(R"("ToleratedFailurePercentagePath":"$.p","ToleratedFailureCount":2,)"));
  CHECK(std::get<Path>(*map_of(machine).tolerated_percentage).text() == "$.p");
  CHECK(std::get<std::int64_t>(*map_of(machine).tolerated_count) == 2);
  CHECK(map_of(machine).distributed);
}

TEST_CASE("an ItemReader says what the file holds") {
  const auto reader = [](std::string_view config) {
    return fmt::format(
        R"("ItemReader":{{"Resource":"arn:aws:states:::s3:getObject","Parameters":{{"Bucket":"b","Key.$":"$.k"}},"ReaderConfig":{}}},)",
        config);
  };
  const auto refused = [&](std::string_view config, std::string_view pointer,
                           std::string_view fragment) {
    check_map(reader(config), fmt::format("/ItemReader/ReaderConfig{}", pointer), fragment);
  };
  refused("{}", "", "\"InputType\" is missing");
  refused(R"({"InputType":"PARQUET"})", "/InputType", "\"PARQUET\" is not offered");
  refused(R"({"InputType":"CSV"})", "", "\"CSVHeaderLocation\" is missing");
  refused(R"({"InputType":"CSV","CSVHeaderLocation":"GIVEN"})", "", "\"CSVHeaders\" is missing");
  refused(R"({"InputType":"CSV","CSVHeaderLocation":"FIRST_ROW","CSVHeaders":["a"]})",
          "/CSVHeaders", "needs \"CSVHeaderLocation\": \"GIVEN\"");
  refused(R"({"InputType":"JSONL","ItemsPointer":"/a"})", "/ItemsPointer", "belongs to files");
  refused(R"({"InputType":"JSON","ItemsPointer":"a"})", "/ItemsPointer", "no JSON Pointer");
  refused(R"({"InputType":"JSON","MaxItems":1,"MaxItemsPath":"$.m"})", "/MaxItemsPath",
          "exclude each other");
  refused(R"({"InputType":"JSON","Transformation":"LOAD_AND_FLATTEN"})", "/Transformation",
          "is not offered");
  check_map(
      R"("ItemReader":{"Resource":"arn:aws:states:::s3:getObject","Parameters":{"Bucket":"b"},"ReaderConfig":{"InputType":"JSON"}},)",
      "/ItemReader/Parameters", "\"Key\" is missing");
  check_map(
      R"("ItemReader":{"Resource":"arn:aws:states:::s3:putObject","Parameters":{"Bucket":"b"}},)",
      "/ItemReader/Resource", "cannot be read or written");
  const auto machine = check_accepted(map_with(reader(
      R"({"InputType":"CSV","CSVDelimiter":"PIPE","CSVHeaderLocation":"GIVEN","CSVHeaders":["a","b"],"MaxItemsPath":"$.m"})")));
  const ItemReader& csv = *map_of(machine).reader;
  CHECK(csv.format == ItemReader::Format::csv);
  CHECK(csv.csv_delimiter == '|');
  CHECK(csv.csv_header_given);
  CHECK(csv.csv_headers == std::vector<std::string>{"a", "b"});
  CHECK(std::get<Path>(*csv.items_max).text() == "$.m");
  const auto listing = check_accepted(map_with(
      R"("ItemReader":{"Resource":"arn:aws:states:::s3:listObjectsV2","Parameters":{"Bucket":"b"}},)"));
  CHECK(map_of(listing).reader->source == ItemReader::Source::listing);
}

TEST_CASE("batches are bounded, and a ResultWriter says what it writes") {
  check_map(R"("ItemBatcher":{},)", "/ItemBatcher", "how large a batch is");
  check_map(R"("ItemBatcher":{"MaxItemsPerBatch":0},)", "/ItemBatcher/MaxItemsPerBatch", "from 1");
  check_map(R"("ItemBatcher":{"MaxInputBytesPerBatch":262145},)",
            "/ItemBatcher/MaxInputBytesPerBatch", "to 262144");
  check_map(R"("ResultWriter":{},)", "/ResultWriter", "\"Resource\" is missing");
  check_map(R"("ResultWriter":{"WriterConfig":{}},)", "/ResultWriter/WriterConfig",
            "\"OutputType\" is missing");
  check_map(R"("ResultWriter":{"Resource":"arn:aws:states:::s3:putObject"},)", "/ResultWriter",
            "\"Parameters\" is missing");
  const auto machine = check_accepted(map_with(
      R"("ItemBatcher":{"MaxItemsPerBatchPath":"$.n","BatchInput":{"a.$":"$.a"}},
         "ResultWriter":{"Resource":"arn:aws:states:::s3:putObject","Parameters":{"Bucket":"b","Prefix":"p"},
                         "WriterConfig":{"OutputType":"JSONL","Transformation":"FLATTEN"}},)"));
  CHECK(std::get<Path>(*map_of(machine).batcher->items_max).text() == "$.n");
  CHECK(map_of(machine).batcher->batch_input.has_value());
  CHECK(map_of(machine).writer->json_lines);
  CHECK(map_of(machine).writer->transformation == ResultWriter::Transformation::flatten);
}

TEST_CASE("a drawing shows what runs inside of what") {
  const Graph graph = graph_of(*check_accepted(nested));
  const std::string mermaid = to_mermaid(graph);
  CHECK(mermaid.find("  subgraph in0[\"Both\"]\n    s2(\"Left\")\n") != std::string::npos);
  CHECK(mermaid.find("  s0 -.-> s2\n") != std::string::npos);
  CHECK(mermaid.find("|\"each item\"| s4\n") != std::string::npos);
  CHECK(mermaid.find("s2 --> finish") == std::string::npos);
  const std::string dot = to_dot(graph);
  CHECK(dot.find("  subgraph cluster_1 {\n    label=\"Each\";\n") != std::string::npos);
  CHECK(dot.find("    subgraph cluster_4 {\n") != std::string::npos);
  CHECK(dot.find("  s0 -> s3 [style=dashed];\n") != std::string::npos);
  const std::string json = to_text(to_json(graph));
  CHECK(
      json.find(
          R"("name":"Left","type":"Pass","pointer":"/States/Both/Branches/0/States/Left","parent":"Both")") !=
      std::string::npos);
  CHECK(json.find(R"({"from":"Both","to":"Right","kind":"branch"})") != std::string::npos);
}

}  // namespace
}  // namespace sluice::workflows::testing
