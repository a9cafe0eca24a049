// Functions on text.
#include <algorithm>
#include <cmath>

#include "workflows/jsonata/evaluator.h"
#include "workflows/jsonata/text.h"

namespace sluice::workflows::jsonata {
namespace {

using std::string_view;

Value string(Evaluator& evaluator, const Call& call) {
  if (call[0].is_undefined()) return {};
  return Value(evaluator.stringify(call[0], call[1].is_boolean() && call[1].as_boolean()));
}

Value length(Evaluator& evaluator, const Call& call) {
  if (call[0].is_undefined()) return {};
  evaluator.spend_text(call[0].as_string().size());
  return Value(static_cast<double>(count_code_points(call[0].as_string())));
}

// Array.slice's bound: negative counts from the end.
std::size_t slice_bound(double bound, double size) {
  bound = std::isnan(bound) ? 0 : std::trunc(bound);
  if (bound < 0) bound = std::max(0.0, size + bound);
  return static_cast<std::size_t>(std::min(bound, size));
}

Value substring(Evaluator& evaluator, const Call& call) {
  if (call[0].is_undefined()) return {};
  const string_view text = call[0].as_string();
  evaluator.spend_text(text.size());
  const double size = static_cast<double>(count_code_points(text));
  double start = call[1].is_number() ? call[1].as_number() : 0;
  if (size + start < 0) start = 0;
  double end = size;
  if (call[2].is_number()) {
    const double length = call[2].as_number();
    if (length <= 0) return Value(string_view(""));
    end = start >= 0 ? start + length : size + start + length;
  }
  const std::size_t from = slice_bound(start, size), to = slice_bound(end, size);
  if (from >= to) return Value(string_view(""));
  const std::size_t first = offset_of(text, from);
  return Value(text.substr(first, offset_of(text.substr(first), to - from)));
}

Value substring_before(Evaluator& evaluator, const Call& call) {
  if (call[0].is_undefined()) return {};
  const string_view text = call[0].as_string();
  evaluator.spend_text(text.size());
  if (!call[1].is_string()) return call[0];
  return Value(text.substr(0, text.find(call[1].as_string())));
}

Value substring_after(Evaluator& evaluator, const Call& call) {
  if (call[0].is_undefined()) return {};
  const string_view text = call[0].as_string();
  evaluator.spend_text(text.size());
  if (!call[1].is_string()) return call[0];
  const std::size_t found = text.find(call[1].as_string());
  return found == text.npos ? call[0] : Value(text.substr(found + call[1].as_string().size()));
}

Value lowercase(Evaluator& evaluator, const Call& call) {
  if (call[0].is_undefined()) return {};
  evaluator.spend_text(call[0].as_string().size() * 4);
  return evaluator.heap().text(to_lower(call[0].as_string()));
}

Value uppercase(Evaluator& evaluator, const Call& call) {
  if (call[0].is_undefined()) return {};
  evaluator.spend_text(call[0].as_string().size() * 4);
  return evaluator.heap().text(to_upper(call[0].as_string()));
}

Value trim(Evaluator& evaluator, const Call& call) {
  if (call[0].is_undefined()) return {};
  const string_view text = call[0].as_string();
  evaluator.spend_text(text.size());
  TextBuilder out(evaluator.heap().arena);
  bool gap = false;
  for (const char c : text) {
    if (c == ' ' || c == '\t' || c == '\n' || c == '\r') {
      gap = true;
      continue;
    }
    if (gap && out.size() > 0) out.append(' ');
    gap = false;
    out.append(c);
  }
  return Value(out.finish());
}

Value pad(Evaluator& evaluator, const Call& call) {
  if (call[0].is_undefined()) return {};
  const string_view text = call[0].as_string();
  const double width = call[1].is_number() ? std::trunc(call[1].as_number()) : 0;
  const string_view filler =
      call[2].is_string() && !call[2].as_string().empty() ? call[2].as_string() : " ";
  const double missing = std::fabs(width) - static_cast<double>(count_code_points(text));
  if (!(missing > 0)) return call[0];
  if (missing > static_cast<double>(evaluator.heap().arena.bytes_max())) fail_bound("memory");
  evaluator.spend_text(static_cast<std::size_t>(missing) + text.size());
  TextBuilder out(evaluator.heap().arena);
  if (width > 0) out.append(text);
  const std::size_t filler_size = count_code_points(filler);
  auto left = static_cast<std::size_t>(missing);
  for (; left >= filler_size; left -= filler_size) out.append(filler);
  out.append(filler.substr(0, offset_of(filler, left)));
  if (width < 0) out.append(text);
  return Value(out.finish());
}

Value join(Evaluator& evaluator, const Call& call) {
  if (call[0].is_undefined()) return {};
  const string_view separator = call[1].is_string() ? call[1].as_string() : string_view();
  TextBuilder out(evaluator.heap().arena);
  bool first = true;
  for (const Value part : evaluator.heap().items(call[0].as_array())) {
    evaluator.spend_text(separator.size() + (part.is_string() ? part.as_string().size() : 0));
    if (!first) out.append(separator);
    first = false;
    if (part.is_string()) out.append(part.as_string());
  }
  return Value(out.finish());
}

constexpr Builtin functions[] = {
    {"string", "<x-b?:s>", 1, string},
    {"substring", "<s-nn?:s>", 3, substring},
    {"substringBefore", "<s-s:s>", 2, substring_before},
    {"substringAfter", "<s-s:s>", 2, substring_after},
    {"lowercase", "<s-:s>", 1, lowercase},
    {"uppercase", "<s-:s>", 1, uppercase},
    {"length", "<s-:n>", 1, length},
    {"trim", "<s-:s>", 1, trim},
    {"pad", "<s-ns?:s>", 3, pad},
    {"join", "<a<s>s?:s>", 2, join},
};

}  // namespace

std::span<const Builtin> string_functions() { return functions; }

}  // namespace sluice::workflows::jsonata
