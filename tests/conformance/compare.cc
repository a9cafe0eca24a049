#include "conformance/compare.h"

#include <fmt/format.h>

#include <algorithm>
#include <cctype>
#include <vector>

namespace sluice::conformance {
namespace {

constexpr std::size_t shown_max = 300;

bool is_word(char c) { return std::isalnum(static_cast<unsigned char>(c)) != 0 || c == '_'; }

// Where a placeholder begins at or after `from`, and its length.
std::optional<std::pair<std::size_t, std::size_t>> find_mark(const std::string& text,
                                                             std::size_t from,
                                                             const Wildcards& wildcards) {
  std::optional<std::pair<std::size_t, std::size_t>> first;
  const auto take = [&](std::size_t at, std::size_t length) {
    if (!first || at < first->first || (at == first->first && length > first->second))
      first = {at, length};
  };
  for (std::size_t open = text.find('<', from); open != std::string::npos;
       open = text.find('<', open + 1)) {
    const auto close = text.find_first_of("<>", open + 1);
    if (close == std::string::npos || text[close] != '>' || close == open + 1) continue;
    take(open, close - open + 1);
    break;
  }
  for (const auto& word : wildcards.words) {
    if (word.empty()) continue;
    for (std::size_t at = text.find(word, from); at != std::string::npos;
         at = text.find(word, at + 1)) {
      const std::size_t end = at + word.size();
      if (is_word(word.front()) && at > 0 && is_word(text[at - 1])) continue;
      if (is_word(word.back()) && end < text.size() && is_word(text[end])) continue;
      take(at, word.size());
      break;
    }
  }
  return first;
}

// The number of an account in an ARN is that of an installation.
std::string without_account(const std::string& text) {
  static const std::string recorded = ":111111111111:", here = ":000000000000:";
  std::string out = text;
  for (auto at = out.find(recorded); at != std::string::npos; at = out.find(recorded, at + 1))
    out.replace(at, recorded.size(), here);
  return out;
}

bool glob(const std::vector<std::string>& pieces, const std::string& text) {
  if (text.size() < pieces.front().size() || !text.starts_with(pieces.front())) return false;
  std::size_t at = pieces.front().size();
  for (std::size_t i = 1; i + 1 < pieces.size(); ++i) {
    const auto found = text.find(pieces[i], at);
    if (found == std::string::npos) return false;
    at = found + pieces[i].size();
  }
  return text.size() >= at + pieces.back().size() && text.ends_with(pieces.back());
}

}  // namespace

std::string cut(const Json& value) {
  std::string text = to_text(value);
  if (text.size() > shown_max) {
    text.resize(shown_max);
    text += "…";
  }
  return text;
}

bool text_matches(const std::string& recorded, const std::string& given,
                  const Wildcards& wildcards) {
  if (recorded == given) return true;
  const bool arn = given.starts_with("arn:");
  const std::string expected = arn ? without_account(recorded) : recorded;
  const std::string got = arn ? without_account(given) : given;
  std::vector<std::string> pieces;
  std::size_t from = 0;
  while (const auto mark = find_mark(expected, from, wildcards)) {
    pieces.push_back(expected.substr(from, mark->first - from));
    from = mark->first + mark->second;
  }
  pieces.push_back(expected.substr(from));
  if (pieces.size() > 1 ? glob(pieces, got) : expected == got) return true;
  const auto meant = wildcards.stands_for.find(recorded);
  return meant != wildcards.stands_for.end() && meant->second == given;
}

std::optional<Difference> differ(const Json& expected, const Json& got, const Wildcards& wildcards,
                                 const std::string& pointer) {
  const auto here = [&] { return Difference{pointer, cut(expected), cut(got)}; };
  if (expected.is_string()) {
    const auto& text = expected.get_ref<const std::string&>();
    const auto mark = find_mark(text, 0, wildcards);
    if (mark && mark->first == 0 && mark->second == text.size()) return std::nullopt;
    if (!got.is_string() || !text_matches(text, got.get_ref<const std::string&>(), wildcards))
      return here();
    return std::nullopt;
  }
  if (expected.is_object()) {
    if (!got.is_object()) return here();
    for (const auto& [name, value] : expected.items()) {
      const auto member = got.find(name);
      if (member == got.end())
        return Difference{pointer + "/" + pointer_token(name), cut(value), "nothing"};
      if (auto difference = differ(value, *member, wildcards, pointer + "/" + pointer_token(name)))
        return difference;
    }
    for (const auto& [name, value] : got.items())
      if (!expected.contains(name))
        return Difference{pointer + "/" + pointer_token(name), "nothing", cut(value)};
    return std::nullopt;
  }
  if (expected.is_array()) {
    if (!got.is_array() || got.size() != expected.size()) return here();
    for (std::size_t i = 0; i < expected.size(); ++i)
      if (auto difference =
              differ(expected[i], got[i], wildcards, fmt::format("{}/{}", pointer, i)))
        return difference;
    return std::nullopt;
  }
  if (expected == got) return std::nullopt;
  return here();
}

bool same_unordered(const Json& expected, const Json& got) {
  if (!expected.is_array() || !got.is_array()) return expected == got;
  if (expected.size() != got.size()) return false;
  std::vector<bool> used(got.size(), false);
  return std::ranges::all_of(expected, [&](const Json& item) {
    for (std::size_t i = 0; i < got.size(); ++i) {
      if (used[i] || !same_unordered(item, got[i])) continue;
      used[i] = true;
      return true;
    }
    return false;
  });
}

}  // namespace sluice::conformance
