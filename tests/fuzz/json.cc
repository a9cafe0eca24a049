// Any bytes at the JSON edge. The checker, the parser and nlohmann's own parser agree on what is
// JSON; what was read is written and read back the same; slices are the whole of their values.
#include "base/doc.h"
#include "base/json_text.h"
#include "targets.h"

namespace sluice::fuzz {
namespace {

constexpr std::size_t depth_max = 32;  // soon passed
constexpr JsonLimits lenient{.depth_max = depth_max, .refuse_duplicate_keys = false};
constexpr JsonLimits strict{.depth_max = depth_max, .refuse_duplicate_keys = true};

// nlohmann takes a byte order mark and a NUL at the end, and knows no depth.
void compare_with_nlohmann(std::string_view text, const Result<Json>& ours) {
  if (text.starts_with("\xEF\xBB\xBF") || text.find('\0') != std::string_view::npos) return;
  if (!ours && ours.error().code == Errc::invalid_argument) return;
  const Json theirs = Json::parse(text, nullptr, false);
  SLUICE_CHECK(theirs.is_discarded() == !ours.has_value(), "what nlohmann calls JSON");
  SLUICE_CHECK(!ours || *ours == theirs, "what nlohmann reads");
}

void run_tree(std::string_view text) {
  const auto checked = check_json(text, depth_max);
  const auto parsed = parse_json(text, lenient);
  SLUICE_CHECK(checked.has_value() == parsed.has_value(), "checker and parser agree");
  if (!checked) {
    check_refusal(checked.error());
    check_refusal(parsed.error());
    SLUICE_CHECK(checked.error().code == parsed.error().code, "checker and parser agree why");
  }
  compare_with_nlohmann(text, parsed);
  const auto unique = parse_json(text, strict);
  if (!unique) check_refusal(unique.error());
  SLUICE_CHECK(!unique || parsed.has_value(), "strict is no more than lenient");
  if (!parsed) return;
  SLUICE_CHECK(!unique || *unique == *parsed, "strict reads the same");
  const std::string written = to_text(*parsed);
  const auto again = parse_json(written, strict);
  SLUICE_CHECK(again.has_value() && *again == *parsed, "what was written is read back the same");
  SLUICE_CHECK(to_text(*again) == written, "and written the same again");
  const Doc doc = Doc::from_text(std::string(text));
  SLUICE_CHECK(doc.json() == *parsed && doc.text() == text, "a document of the same text");
}

void run_array(std::string_view text) {
  const auto elements = scan_array(text, depth_max);
  const auto parsed = parse_json(text, lenient);
  SLUICE_CHECK(elements.has_value() == (parsed && parsed->is_array()), "an array is cut up");
  if (!elements) return check_refusal(elements.error());
  SLUICE_CHECK(elements->size() == parsed->size(), "every element");
  for (std::size_t i = 0; i < elements->size(); ++i) {
    const auto element = parse_json((*elements)[i], lenient);
    SLUICE_CHECK(element && *element == (*parsed)[i], "a slice is its element");
  }
}

void run_envelope(std::string_view text) {
  auto scanned = Envelope::scan(text, "/items/0", depth_max);
  const auto parsed = parse_json(text, lenient);
  if (!scanned) return check_refusal(scanned.error());
  SLUICE_CHECK(parsed && parsed->is_object(), "an envelope is an object");
  Envelope& body = *scanned;
  // Of a repeated member the envelope reads the first, and says so at the end.
  if (!parse_json(text, strict)) {
    (void)body.optional_string("key");
    const Status finished = body.finish();
    if (!finished) check_refusal(finished.error());
    return;
  }
  const auto raw = body.optional_raw("input");
  SLUICE_CHECK(raw.has_value() == parsed->contains("input"), "a member that is there");
  if (raw) {
    const auto value = parse_json(*raw, lenient);
    SLUICE_CHECK(value && *value == parsed->at("input"), "a slice is its member");
  }
  check_sendable(body.required_string("name"));
  const auto text_member = body.optional_string("key");
  SLUICE_CHECK(!text_member || *text_member == parsed->at("key").get_ref<const std::string&>(),
               "a string without its escapes");
  const auto whole = body.optional_integer("count", -5, 1'000'000);
  SLUICE_CHECK(!whole || (*whole >= -5 && *whole <= 1'000'000 && parsed->at("count") == *whole),
               "an integer in its range");
  const auto number = body.optional_number("rate");
  SLUICE_CHECK(!number || parsed->at("rate") == *number, "a number");
  (void)body.optional_boolean("flag");
  if (const auto list = body.optional_string_list("tags"))
    SLUICE_CHECK(list->size() == parsed->at("tags").size(), "every string of a list");
  const Status finished = body.finish();
  if (!finished) check_refusal(finished.error());
}

}  // namespace

void json(std::string_view bytes) {
  run_tree(bytes);
  run_array(bytes);
  run_envelope(bytes);
  std::string quoted;
  if (check_json(bytes, depth_max)) {
    append_json_string(quoted, bytes);
    const auto back = parse_json(quoted);
    SLUICE_CHECK(back && back->get_ref<const std::string&>() == bytes, "a quoted text is the same");
  }
}

}  // namespace sluice::fuzz
