#include "workflows/jsonata/regex.h"

#include <fmt/format.h>

#define PCRE2_CODE_UNIT_WIDTH 8
#include <pcre2.h>

#include <algorithm>
#include <mutex>
#include <new>

#include "workflows/jsonata/failure.h"

namespace sluice::workflows::jsonata {
namespace {

constexpr std::uint32_t match_limit_first = 1'000;
constexpr std::uint32_t match_limit_max = 16'000'000;
constexpr std::uint32_t heap_kilobytes_max = 32 << 10;
// Backtracking steps that count as one step of an evaluation.
constexpr std::int64_t matches_a_step = 16;

}  // namespace

// Two forms of one pattern. `strict` trusts the text to be UTF-8; `lenient`, made when it is first
// needed, takes half pairs too, which match nothing, and checks the whole text at each search.
struct Regex::Code {
  std::string pattern;
  std::uint32_t options = 0;
  pcre2_code* strict = nullptr;
  std::once_flag lenient_made;
  pcre2_code* lenient = nullptr;
  int error = 0;
  std::size_t error_offset = 0;

  pcre2_code* compile(std::uint32_t more) {
    pcre2_compile_context* context = pcre2_compile_context_create(nullptr);
    if (context == nullptr) throw std::bad_alloc();
    pcre2_set_newline(context, PCRE2_NEWLINE_ANYCRLF);
    pcre2_set_compile_extra_options(context, PCRE2_EXTRA_ALT_BSUX);
    pcre2_set_max_pattern_length(context, 1 << 16);
    pcre2_code* made = pcre2_compile(reinterpret_cast<PCRE2_SPTR>(pattern.data()), pattern.size(),
                                     options | more, &error, &error_offset, context);
    pcre2_compile_context_free(context);
    return made;
  }
  const pcre2_code* for_any_text() {
    std::call_once(lenient_made, [this] {
      lenient = compile(PCRE2_MATCH_INVALID_UTF);
      if (lenient == nullptr) throw std::bad_alloc();
    });
    return lenient;
  }
  ~Code() {
    pcre2_code_free(strict);
    pcre2_code_free(lenient);
  }
};

Regex::Regex(std::string_view pattern, std::string_view flags, std::size_t position)
    : code_(std::make_unique<Code>()) {
  code_->pattern = pattern;
  code_->options = PCRE2_UTF | PCRE2_NEVER_BACKSLASH_C | PCRE2_DOLLAR_ENDONLY |
                   PCRE2_ALLOW_EMPTY_CLASS | PCRE2_ALT_BSUX | PCRE2_MATCH_UNSET_BACKREF |
                   PCRE2_DUPNAMES;
  if (flags.find('i') != flags.npos) code_->options |= PCRE2_CASELESS;
  if (flags.find('m') != flags.npos) code_->options |= PCRE2_MULTILINE;
  code_->strict = code_->compile(0);
  if (code_->strict != nullptr) return;
  PCRE2_UCHAR reason[200] = {};
  pcre2_get_error_message(code_->error, reason, sizeof reason);
  fail("S0303", {.position = position + code_->error_offset,
                 .text = fmt::format("Invalid regular expression: /{}/: {} at {}", pattern,
                                     reinterpret_cast<const char*>(reason), code_->error_offset)});
}

Regex::~Regex() = default;

struct Regex::Scratch::Memory {
  pcre2_match_context* context = pcre2_match_context_create(nullptr);
  pcre2_match_data* found = nullptr;
  ~Memory() {
    pcre2_match_data_free(found);
    pcre2_match_context_free(context);
  }
  // With room for `pairs` of bounds.
  pcre2_match_data* with_room(std::uint32_t pairs) {
    if (found == nullptr || pcre2_get_ovector_count(found) < pairs) {
      pcre2_match_data_free(found);
      found = pcre2_match_data_create(pairs, nullptr);
    }
    if (found == nullptr || context == nullptr) throw std::bad_alloc();
    return found;
  }
};
Regex::Scratch::Scratch() = default;
Regex::Scratch::~Scratch() = default;

std::optional<Regex::Match> Regex::search(std::string_view text, std::size_t from, bool is_utf8,
                                          Scratch& scratch,
                                          const std::function<void(std::int64_t)>& charge) const {
  if (from > text.size()) return std::nullopt;
  const bool inside_character =
      from < text.size() && (static_cast<unsigned char>(text[from]) & 0xC0) == 0x80;
  const bool trusted = is_utf8 && !inside_character;
  const pcre2_code* const code = trusted ? code_->strict : code_->for_any_text();
  std::uint32_t groups = 0;
  pcre2_pattern_info(code, PCRE2_INFO_CAPTURECOUNT, &groups);
  if (!scratch.memory_) scratch.memory_ = std::make_unique<Scratch::Memory>();
  pcre2_match_data* const found = scratch.memory_->with_room(groups + 1);
  pcre2_match_context* const context = scratch.memory_->context;
  pcre2_set_heap_limit(context, heap_kilobytes_max);
  int result = PCRE2_ERROR_MATCHLIMIT;
  for (std::uint32_t limit = match_limit_first;; limit *= 8) {
    charge(1);
    pcre2_set_match_limit(context, limit);
    result = pcre2_match(code, reinterpret_cast<PCRE2_SPTR>(text.data()), text.size(), from,
                         trusted ? PCRE2_NO_UTF_CHECK : 0, found, context);
    if (result != PCRE2_ERROR_MATCHLIMIT) break;
    charge(limit / matches_a_step);
    if (limit > match_limit_max / 8) fail_bound("regular expression");
  }
  // What was looked at: up to the end of the match, and all of it where that had to be checked.
  const std::size_t* bounds = pcre2_get_ovector_pointer(found);
  const std::size_t looked_until = trusted && result > 0 ? std::max(bounds[1], from) : text.size();
  charge(static_cast<std::int64_t>(looked_until - from) / 64);
  if (result == PCRE2_ERROR_NOMATCH) return std::nullopt;
  if (result < 0) {
    if (result == PCRE2_ERROR_NOMEMORY) throw std::bad_alloc();
    fail_bound("regular expression");
  }
  // Groups behind the last one that took part are not told of.
  const auto set = static_cast<std::uint32_t>(result);
  Match match{bounds[0], bounds[1], {}};
  // A look-behind's \K can put the start behind the end.
  if (match.start > match.end) match.start = match.end;
  for (std::uint32_t i = 1; i <= groups; ++i) {
    if (i >= set || bounds[2 * i] == PCRE2_UNSET || bounds[2 * i] > bounds[2 * i + 1])
      match.groups.emplace_back(std::nullopt);
    else
      match.groups.emplace_back(text.substr(bounds[2 * i], bounds[2 * i + 1] - bounds[2 * i]));
  }
  return match;
}

}  // namespace sluice::workflows::jsonata
