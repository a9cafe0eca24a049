// Where a Map's items come from, how they are put together, and where its results go: ItemReader,
// ItemBatcher, ResultWriter.

#include <fmt/format.h>

#include <algorithm>

#include "workflows/field_table.h"
#include "workflows/parse_state.h"
#include "workflows/parse_value.h"

namespace sluice::workflows {
namespace {

constexpr std::int64_t items_most = 100'000'000;
constexpr std::int64_t batch_items_most = 100'000'000;
constexpr std::int64_t batch_bytes_most = 262'144;
constexpr std::size_t csv_headers_max = 10'000;

// The index in `integrations` of what Resource names: "s3:getObject" of
// "arn:PARTITION:states:::s3:getObject".
std::optional<std::size_t> parse_integration(const Fields& fields,
                                             std::span<const std::string_view> integrations) {
  const auto text = fields.string("Resource");
  if (!text) return std::nullopt;
  const auto parsed = parse_resource(*text);
  if (parsed && !parsed->resource.wait_for_task_token) {
    for (std::size_t i = 0; i < integrations.size(); ++i)
      if (parsed->resource.queue == integrations[i]) return i;
  }
  std::vector<std::string> arns;
  for (const std::string_view each : integrations)
    arns.push_back(fmt::format("arn:aws:states:::{}", each));
  const std::vector<std::string_view> names(arns.begin(), arns.end());
  fields.context().problem(
      fields.pointer("Resource"),
      fmt::format("{} cannot be read or written: expected {}{}", in_quotes(*text), list_of(names),
                  fields.context().suggestion(*text, names)));
  return std::nullopt;
}

// Bucket and the others of `needed`, each as it is, computed, or inside one expression for all.
std::optional<Value> parse_object_arguments(const Fields& fields, QueryLanguage language,
                                            std::span<const std::string_view> needed) {
  const std::string_view name = language == QueryLanguage::jsonata ? "Arguments" : "Parameters";
  if (!fields.require(name, fmt::format("it names the {}", needed[0]))) return std::nullopt;
  auto arguments = parse_object_value(fields, name, language);
  const Json* value = fields.find(name);
  if (value == nullptr || !value->is_object()) return arguments;
  const Fields each(fields.context(), *value, fields.pointer(name));
  for (const std::string_view member : needed) {
    if (each.has(std::string(member) + ".$")) continue;
    if (each.require(member, "a string")) each.string(member);
  }
  return arguments;
}

void parse_csv(const Fields& config, ItemReader& reader) {
  static constexpr std::string_view delimiters[] = {"COMMA", "PIPE", "SEMICOLON", "SPACE", "TAB"};
  static constexpr std::string_view locations[] = {"FIRST_ROW", "GIVEN"};
  constexpr std::string_view characters = ",|; \t";
  if (const auto delimiter = config.one_of("CSVDelimiter", delimiters))
    reader.csv_delimiter = characters[*delimiter];
  config.require("CSVHeaderLocation", fmt::format("a CSV file has one: {}", list_of(locations)));
  reader.csv_header_given = config.one_of("CSVHeaderLocation", locations) == 1;
  if (reader.csv_header_given) {
    config.require("CSVHeaders", "\"CSVHeaderLocation\" is \"GIVEN\"");
  } else if (config.has("CSVHeaders")) {
    config.context().problem(config.pointer("CSVHeaders"),
                             "\"CSVHeaders\" needs \"CSVHeaderLocation\": \"GIVEN\"");
  }
  const Json* headers = config.array("CSVHeaders");
  if (headers == nullptr) return;
  const std::string pointer = config.pointer("CSVHeaders");
  if (headers->empty() || headers->size() > csv_headers_max) {
    config.context().problem(pointer, fmt::format("\"CSVHeaders\" has 1 to {} names, not {}",
                                                  csv_headers_max, headers->size()));
    return;
  }
  for (std::size_t i = 0; i < headers->size(); ++i) {
    const Json& header = (*headers)[i];
    if (header.is_string()) {
      reader.csv_headers.push_back(header.get<std::string>());
    } else {
      config.context().problem(fmt::format("{}/{}", pointer, i),
                               fmt::format("a header must be a string, not {}", describe(header)));
    }
  }
}

// Which of the fields belong to another kind of file than this one.
void refuse_fields(const Fields& config, std::span<const std::string_view> names,
                   std::string_view of) {
  for (const std::string_view name : names) {
    if (config.has(name))
      config.context().problem(config.pointer(name),
                               fmt::format("{} belongs to {}", in_quotes(name), of));
  }
}

void parse_format(const Fields& config, ItemReader& reader) {
  static constexpr std::string_view formats[] = {"JSON", "JSONL", "CSV", "PARQUET", "MANIFEST"};
  static constexpr std::string_view of_csv[] = {"CSVDelimiter", "CSVHeaderLocation", "CSVHeaders"};
  static constexpr std::string_view of_json[] = {"ItemsPointer"};
  config.require("InputType", fmt::format("expected {}", list_of(formats)));
  const auto format = config.one_of("InputType", formats);
  if (!format) return;
  if (*format > 2) {
    config.context().problem(
        config.pointer("InputType"),
        fmt::format("{}; expected \"JSON\", \"JSONL\" or \"CSV\"",
                    not_offered(fmt::format("the format {}", in_quotes(formats[*format])))));
    return;
  }
  reader.format = static_cast<ItemReader::Format>(*format);
  if (reader.format == ItemReader::Format::csv) {
    parse_csv(config, reader);
  } else {
    refuse_fields(config, of_csv, "files of the type \"CSV\"");
  }
  if (reader.format != ItemReader::Format::json) {
    refuse_fields(config, of_json, "files of the type \"JSON\"");
    return;
  }
  reader.items_pointer = config.string("ItemsPointer").value_or("");
  if (!reader.items_pointer.empty() && reader.items_pointer[0] != '/') {
    config.context().problem(
        config.pointer("ItemsPointer"),
        fmt::format("{} is no JSON Pointer: expected \"/orders/items\" or the like",
                    in_quotes(reader.items_pointer)));
  }
}

}  // namespace

ItemReader parse_item_reader(const Fields& fields, QueryLanguage language) {
  static constexpr FieldRule rules[] = {{"Resource"},
                                        {"Parameters", true, FieldOf::jsonpath},
                                        {"Arguments", true, FieldOf::jsonata},
                                        {"ReaderConfig"}};
  static constexpr FieldRule config_rules[] = {{"InputType"},
                                               {"CSVDelimiter"},
                                               {"CSVHeaderLocation"},
                                               {"CSVHeaders"},
                                               {"ItemsPointer"},
                                               {"MaxItems"},
                                               {"MaxItemsPath", true, FieldOf::jsonpath},
                                               {"Transformation"},
                                               {"ManifestType", false}};
  static constexpr std::string_view sources[] = {"s3:getObject", "s3:listObjectsV2"};
  static constexpr std::string_view of_object[] = {"Bucket", "Key"};
  static constexpr std::string_view of_listing[] = {"Bucket"};
  static constexpr std::string_view of_files[] = {"InputType", "CSVDelimiter", "CSVHeaderLocation",
                                                  "CSVHeaders", "ItemsPointer"};
  static constexpr std::string_view transformations[] = {"NONE", "LOAD_AND_FLATTEN"};
  ItemReader reader;
  const FieldOf spoken = field_language(language);
  ParseContext& context = fields.context();
  check_fields(context, fields.json(), fields.pointer(), "an ItemReader", rules, spoken);
  fields.require("Resource", "expected what reads the items");
  const auto source = parse_integration(fields, sources);
  if (!source) return reader;
  reader.source = static_cast<ItemReader::Source>(*source);
  const bool object = reader.source == ItemReader::Source::object;
  reader.arguments = object ? parse_object_arguments(fields, language, of_object)
                            : parse_object_arguments(fields, language, of_listing);
  const Json* value = fields.object("ReaderConfig");
  if (value == nullptr) {
    if (object && !fields.has("ReaderConfig"))
      fields.require("ReaderConfig", "its \"InputType\" says what the file holds");
    return reader;
  }
  const Fields config(context, *value, fields.pointer("ReaderConfig"));
  check_fields(context, *value, config.pointer(), "a ReaderConfig", config_rules, spoken);
  reader.items_max = parse_whole_number(config, "MaxItems", language, 0, items_most);
  if (config.one_of("Transformation", transformations) == 1)
    context.problem(config.pointer("Transformation"), not_offered("\"LOAD_AND_FLATTEN\""));
  if (object) {
    parse_format(config, reader);
  } else {
    refuse_fields(config, of_files, "\"arn:aws:states:::s3:getObject\"");
  }
  return reader;
}

ItemBatcher parse_item_batcher(const Fields& fields, QueryLanguage language) {
  static constexpr FieldRule rules[] = {{"MaxItemsPerBatch"},
                                        {"MaxItemsPerBatchPath", true, FieldOf::jsonpath},
                                        {"MaxInputBytesPerBatch"},
                                        {"MaxInputBytesPerBatchPath", true, FieldOf::jsonpath},
                                        {"BatchInput"}};
  ItemBatcher batcher;
  check_fields(fields.context(), fields.json(), fields.pointer(), "an ItemBatcher", rules,
               field_language(language));
  batcher.items_max = parse_whole_number(fields, "MaxItemsPerBatch", language, 1, batch_items_most);
  batcher.bytes_max =
      parse_whole_number(fields, "MaxInputBytesPerBatch", language, 1, batch_bytes_most);
  batcher.batch_input = parse_object_value(fields, "BatchInput", language);
  const bool bounded = fields.has("MaxItemsPerBatch") || fields.has("MaxItemsPerBatchPath") ||
                       fields.has("MaxInputBytesPerBatch") ||
                       fields.has("MaxInputBytesPerBatchPath");
  if (!bounded) {
    fields.context().problem(fields.pointer(),
                             "nothing says how large a batch is: expected \"MaxItemsPerBatch\" or "
                             "\"MaxInputBytesPerBatch\"");
  }
  return batcher;
}

ResultWriter parse_result_writer(const Fields& fields, QueryLanguage language) {
  static constexpr FieldRule rules[] = {{"Resource"},
                                        {"Parameters", true, FieldOf::jsonpath},
                                        {"Arguments", true, FieldOf::jsonata},
                                        {"WriterConfig"}};
  static constexpr FieldRule config_rules[] = {{"OutputType"}, {"Transformation"}};
  static constexpr std::string_view targets[] = {"s3:putObject"};
  static constexpr std::string_view needed[] = {"Bucket"};
  static constexpr std::string_view without_resource[] = {"Parameters", "Arguments"};
  static constexpr std::string_view types[] = {"JSON", "JSONL"};
  static constexpr std::string_view transformations[] = {"NONE", "COMPACT", "FLATTEN"};
  ResultWriter writer;
  ParseContext& context = fields.context();
  check_fields(context, fields.json(), fields.pointer(), "a ResultWriter", rules,
               field_language(language));
  if (fields.has("Resource")) {
    parse_integration(fields, targets);
    writer.arguments = parse_object_arguments(fields, language, needed);
  } else if (!fields.has("WriterConfig")) {
    fields.require("Resource", "expected \"arn:aws:states:::s3:putObject\", or a \"WriterConfig\"");
  } else {
    refuse_fields(fields, without_resource, "a ResultWriter with a \"Resource\"");
  }
  const Json* value = fields.object("WriterConfig");
  if (value == nullptr) return writer;
  const Fields config(context, *value, fields.pointer("WriterConfig"));
  check_fields(context, *value, config.pointer(), "a WriterConfig", config_rules);
  config.require("OutputType", fmt::format("expected {}", list_of(types)));
  writer.json_lines = config.one_of("OutputType", types) == 1;
  if (const auto found = config.one_of("Transformation", transformations))
    writer.transformation = static_cast<ResultWriter::Transformation>(*found);
  return writer;
}

}  // namespace sluice::workflows
