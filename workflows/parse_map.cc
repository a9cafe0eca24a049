// The body of a Map state, but for its items' files (parse_map_files.cc).

#include <fmt/format.h>

#include <algorithm>

#include "workflows/field_table.h"
#include "workflows/parse_state.h"
#include "workflows/parse_value.h"

namespace sluice::workflows {
namespace {

constexpr std::int64_t concurrency_most = 1'000'000;
constexpr std::int64_t tolerated_count_max = 1'000'000'000;
constexpr std::size_t label_characters_max = 40;

// ProcessorConfig; true if the Map is distributed.
bool parse_mode(const Fields& processor) {
  static constexpr FieldRule rules[] = {{"Mode"}, {"ExecutionType"}};
  static constexpr std::string_view modes[] = {"INLINE", "DISTRIBUTED"};
  static constexpr std::string_view types[] = {"STANDARD", "EXPRESS"};
  const Json* value = processor.object("ProcessorConfig");
  if (value == nullptr) return false;
  const Fields config(processor.context(), *value, processor.pointer("ProcessorConfig"));
  check_fields(config.context(), *value, config.pointer(), "a ProcessorConfig", rules);
  const bool distributed = config.one_of("Mode", modes) == 1;
  config.one_of("ExecutionType", types);
  if (distributed) config.require("ExecutionType", "a DISTRIBUTED processor has one");
  return distributed;
}

void parse_processor(Definition& definition, const Place& place, const Fields& fields,
                     MapState& map) {
  static constexpr FieldRule rules[] = {{"StartAt"}, {"States"}, {"ProcessorConfig"}, {"Comment"}};
  fields.exclude("ItemProcessor", "Iterator");
  const std::string_view name = fields.has("ItemProcessor") ? "ItemProcessor" : "Iterator";
  if (!fields.has(name)) {
    fields.require("ItemProcessor", "a Map state needs the states that work on each item");
    return;
  }
  const Json* value = fields.object(name);
  if (value == nullptr) return;
  const Fields processor(fields.context(), *value, fields.pointer(name));
  check_fields(processor.context(), *value, processor.pointer(), fmt::format("an {}", name), rules);
  processor.string("Comment");
  map.distributed = parse_mode(processor);
  map.start_at =
      parse_states(definition, processor, place.index,
                   map.distributed ? VariableScopes::none : place.variables, place.depth + 1);
}

// Items in JSONata: an array, in which expressions may stand, or an expression.
std::optional<Value> parse_items(const Fields& fields) {
  const Json* value = fields.find("Items");
  if (value == nullptr) return std::nullopt;
  if (!value->is_array() && !holds_expression(fields, "Items", QueryLanguage::jsonata)) {
    fields.context().problem(
        fields.pointer("Items"),
        fmt::format("\"Items\" must be an array or an expression \"{{% … %}}\", not {}",
                    describe(*value)));
    return std::nullopt;
  }
  return parse_value(fields, "Items", QueryLanguage::jsonata);
}

// The old Iterator's name for ItemSelector was Parameters.
std::optional<Value> parse_item_selector(const Fields& fields, QueryLanguage language) {
  if (language == QueryLanguage::jsonata) return parse_value(fields, "ItemSelector", language);
  fields.exclude("ItemSelector", "Parameters");
  auto selector = parse_value(fields, "ItemSelector", language);
  if (!selector) selector = parse_value(fields, "Parameters", language);
  return selector;
}

std::string parse_label(const Fields& fields) {
  constexpr std::string_view forbidden = "?*<>{}[]:;,\\|^~$#%&`\"";
  const auto label = fields.string("Label");
  if (!label) return {};
  const auto characters = static_cast<std::size_t>(std::ranges::count_if(
      *label, [](char c) { return (static_cast<unsigned char>(c) & 0xC0U) != 0x80U; }));
  if (characters == 0 || characters > label_characters_max) {
    fields.context().problem(
        fields.pointer("Label"),
        fmt::format("\"Label\" has 1 to {} characters, not {}", label_characters_max, characters));
  }
  for (std::size_t i = 0; i < label->size(); ++i) {
    const auto c = static_cast<unsigned char>((*label)[i]);
    // U+0080 to U+009F, the second set of control characters, are C2 80 to C2 9F in UTF-8.
    const bool control =
        c < 0x20 || c == 0x7F ||
        (c == 0xC2 && i + 1 < label->size() && static_cast<unsigned char>((*label)[i + 1]) <= 0x9F);
    if (!control && c != ' ' && forbidden.find(static_cast<char>(c)) == std::string_view::npos)
      continue;
    fields.context().problem(
        fields.pointer("Label"),
        fmt::format("\"Label\" must not hold white space, control characters or any of {}",
                    forbidden));
    break;
  }
  return *label;
}

template <class Part>
std::optional<Part> parse_part(const Fields& fields, std::string_view name, QueryLanguage language,
                               Part (*parse)(const Fields&, QueryLanguage)) {
  const Json* value = fields.object(name);
  if (value == nullptr) return std::nullopt;
  return parse(Fields(fields.context(), *value, fields.pointer(name)), language);
}

}  // namespace

MapState parse_map(Definition& definition, const Place& place, const Fields& fields,
                   QueryLanguage language) {
  MapState map;
  parse_processor(definition, place, fields, map);
  if (language == QueryLanguage::jsonata) {
    map.items = parse_items(fields);
  } else {
    map.items_path = parse_path(fields, "ItemsPath");
  }
  map.item_selector = parse_item_selector(fields, language);
  map.concurrency_max = parse_whole_number(fields, "MaxConcurrency", language, 0, concurrency_most);
  map.tolerated_count =
      parse_whole_number(fields, "ToleratedFailureCount", language, 0, tolerated_count_max);
  map.tolerated_percentage = parse_number(fields, "ToleratedFailurePercentage", language, 0, 100);
  map.reader = parse_part(fields, "ItemReader", language, parse_item_reader);
  map.batcher = parse_part(fields, "ItemBatcher", language, parse_item_batcher);
  map.writer = parse_part(fields, "ResultWriter", language, parse_result_writer);
  map.label = parse_label(fields);
  return map;
}

}  // namespace sluice::workflows
