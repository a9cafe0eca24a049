#include "base/topic_pattern.h"

#include <string>

namespace sluice {
namespace {

// Takes the first word off; nothing is left after the last one.
struct Words {
  std::string_view left;
  bool more = false;
  explicit Words(std::string_view text) : left(text), more(!text.empty()) {}
  std::string_view word() const { return left.substr(0, left.find('.')); }
  void next() {
    const std::size_t dot = left.find('.');
    more = dot != std::string_view::npos;
    left = more ? left.substr(dot + 1) : std::string_view();
  }
};

Status check_text(std::string_view text, std::string_view what) {
  if (text.size() > topic_key_bytes_max)
    return make_error(Errc::invalid_argument,
                      "the " + std::string(what) + " has " + std::to_string(text.size()) +
                          " bytes: expected at most " + std::to_string(topic_key_bytes_max));
  for (const char c : text)
    if (static_cast<unsigned char>(c) < 0x20 || c == 0x7F)
      return make_error(Errc::invalid_argument,
                        "the " + std::string(what) +
                            " holds a control character: expected words with '.' between them");
  return ok();
}

}  // namespace

Status check_topic_pattern(std::string_view pattern) {
  if (const auto text = check_text(pattern, "pattern"); !text) return text;
  for (Words words(pattern); words.more; words.next()) {
    const std::string_view word = words.word();
    if (word.empty())
      return make_error(Errc::invalid_argument,
                        "the pattern has an empty word: expected words with one '.' between them");
    if (word.size() > 1 && word.find_first_of("*#") != std::string_view::npos)
      return make_error(Errc::invalid_argument,
                        "the pattern has the word \"" + std::string(word) +
                            "\": expected '*' and '#' as words of their own");
  }
  return ok();
}

Status check_topic_key(std::string_view key) { return check_text(key, "key"); }

bool topic_matches(std::string_view pattern, std::string_view key) {
  Words p(pattern), k(key);
  // Where to go on if what follows the latest `#` does not match: the `#` takes one word more.
  // Only the latest need be tried again, so no nesting of them costs more than words × words.
  bool hash = false;
  Words after_hash(""), taken("");
  for (;;) {
    if (p.more && p.word() == "#") {
      p.next();
      hash = true;
      after_hash = p;
      taken = k;
      continue;
    }
    if (!p.more && !k.more) return true;
    if (p.more && k.more && (p.word() == "*" || p.word() == k.word())) {
      p.next();
      k.next();
      continue;
    }
    if (!hash || !taken.more) return false;
    taken.next();
    p = after_hash;
    k = taken;
  }
}

}  // namespace sluice
