#include <fmt/format.h>

#include <charconv>

#include "workflows/path.h"
#include "workflows/path_code.h"

namespace sluice::workflows {
namespace {

constexpr int path_depth_max = 16;  // filters and arguments within each other
constexpr std::size_t path_steps_max = 256;

// Thrown inside this file only: a parser that returned a Result from every step would drown in its
// own plumbing.
struct Refused {
  std::size_t at;
  std::string expected;
};

class PathParser {
 public:
  explicit PathParser(std::string_view text) : text_(text) {}

  PathPtr whole() {
    PathPtr path = path_at(false);
    skip_space();
    if (at_ != text_.size()) refuse("'.', '[' or the end of the path");
    return path;
  }

 private:
  [[noreturn]] void refuse(std::string expected) const { throw Refused{at_, std::move(expected)}; }
  bool done() const { return at_ >= text_.size(); }
  char peek(std::size_t ahead = 0) const {
    return at_ + ahead < text_.size() ? text_[at_ + ahead] : '\0';
  }
  bool take(char c) {
    if (done() || text_[at_] != c) return false;
    ++at_;
    return true;
  }
  void need(char c) {
    if (!take(c)) refuse(fmt::format("'{}'", c));
  }
  void skip_space() {
    while (!done() && (peek() == ' ' || peek() == '\t' || peek() == '\n' || peek() == '\r')) ++at_;
  }
  struct Deeper {
    explicit Deeper(PathParser& p) : parser(p) {
      if (++parser.depth_ > path_depth_max)
        parser.refuse(fmt::format("at most {} levels of filters and brackets", path_depth_max));
    }
    ~Deeper() { --parser.depth_; }
    PathParser& parser;
  };

  PathPtr path_at(bool in_filter) {
    const Deeper deeper(*this);
    const std::size_t start = at_;
    auto code = std::make_shared<PathCode>();
    if (in_filter && take('@')) {
      code->root = PathRoot::current;
    } else {
      need('$');
      if (!in_filter && take('$')) {
        code->root = PathRoot::context;
      } else if (!in_filter && starts_variable(peek())) {
        code->root = PathRoot::variable;
        code->variable = variable_name();
      }
    }
    while (!done() && (peek() == '.' || peek() == '[')) {
      if (code->steps.size() == path_steps_max)
        refuse(fmt::format("at most {} steps", path_steps_max));
      code->steps.push_back(step_at(in_filter));
    }
    code->text = std::string(text_.substr(start, at_ - start));
    for (std::size_t i = 0; i < code->steps.size(); ++i) {
      const PathStep& step = code->steps[i];
      const bool last = i + 1 == code->steps.size();
      if (step.descend) code->definite = false;
      if (const auto* names = std::get_if<NameStep>(&step.kind)) {
        // Several names at the end select one object made of those members.
        if (names->names.size() > 1) {
          if (last && !step.descend)
            code->computed = true;
          else
            code->definite = false;
        }
      } else if (const auto* indexes = std::get_if<IndexStep>(&step.kind)) {
        if (indexes->indexes.size() > 1) code->definite = false;
      } else if (std::holds_alternative<FunctionStep>(step.kind)) {
        code->computed = true;
        if (!last) refuse("the end of the path after a function");
      } else {
        code->definite = false;
      }
    }
    return code;
  }

  static bool starts_variable(char c) {
    return ((c | 0x20) >= 'a' && (c | 0x20) <= 'z') || c == '_' ||
           static_cast<unsigned char>(c) >= 0x80;
  }
  std::string variable_name() {
    const std::size_t start = at_;
    while (!done() && (starts_variable(peek()) || (peek() >= '0' && peek() <= '9'))) ++at_;
    std::string name(text_.substr(start, at_ - start));
    if (name == "states") {
      at_ = start;
      refuse("another variable: \"$states\" belongs to JSONata");
    }
    return name;
  }

  PathStep step_at(bool in_filter) {
    PathStep step;
    if (take('[')) return bracket();
    need('.');
    if (take('.')) step.descend = true;
    if (peek() == '[') {
      ++at_;
      const bool descend = step.descend;
      step = bracket();
      step.descend = descend;
      return step;
    }
    if (take('*')) {
      step.kind = WildcardStep{};
      return step;
    }
    const std::size_t start = at_;
    while (!done() && name_character(peek(), in_filter)) ++at_;
    if (at_ == start) refuse("a name, '*' or '['");
    std::string name(text_.substr(start, at_ - start));
    if (peek() == '(') {
      if (step.descend) refuse("a name after '..'");
      step.kind = function(name, start);
      return step;
    }
    step.kind = NameStep{{std::move(name)}};
    return step;
  }

  static bool name_character(char c, bool in_filter) {
    if (static_cast<unsigned char>(c) <= ' ' || c == '\x7f') return false;
    if (std::string_view(".[]()'\"*,?").find(c) != std::string_view::npos) return false;
    return !in_filter || std::string_view("<>=~!&|").find(c) == std::string_view::npos;
  }

  PathStep bracket() {
    PathStep step;
    skip_space();
    if (take('*')) {
      step.kind = WildcardStep{};
    } else if (peek() == '?') {
      ++at_;
      skip_space();
      need('(');
      auto filter = std::make_shared<Filter>(any_of());
      need(')');
      step.kind = FilterStep{std::move(filter)};
    } else if (peek() == '\'' || peek() == '"') {
      NameStep names;
      do {
        skip_space();
        if (peek() != '\'' && peek() != '"') refuse("a quoted name");
        names.names.push_back(quoted());
        skip_space();
      } while (take(','));
      step.kind = std::move(names);
    } else {
      step.kind = indexes_or_slice();
    }
    skip_space();
    need(']');
    return step;
  }

  decltype(PathStep::kind) indexes_or_slice() {
    std::optional<std::int64_t> first;
    if (peek() != ':') first = integer();
    skip_space();
    if (take(':')) {
      SliceStep slice{first, std::nullopt};
      skip_space();
      if (peek() == '-' || (peek() >= '0' && peek() <= '9')) slice.to = integer();
      skip_space();
      if (peek() == ':') refuse("']': a slice has no step here");
      return slice;
    }
    IndexStep indexes{{*first}};
    while (take(',')) {
      skip_space();
      indexes.indexes.push_back(integer());
      skip_space();
    }
    return indexes;
  }

  std::int64_t integer() {
    std::int64_t value = 0;
    const char* begin = text_.data() + at_;
    const auto [end, code] = std::from_chars(begin, text_.data() + text_.size(), value);
    if (code != std::errc{}) refuse("an index, a slice, a quoted name, '*' or a filter '?(…)'");
    at_ += static_cast<std::size_t>(end - begin);
    return value;
  }

  // REQUIRES: a quote is next.
  std::string quoted() {
    const char quote = text_[at_++];
    std::string out;
    while (!take(quote)) {
      if (done()) refuse(fmt::format("a closing {}", quote));
      char c = text_[at_++];
      if (c != '\\') {
        out += c;
        continue;
      }
      if (done()) refuse("a character after '\\'");
      c = text_[at_++];
      switch (c) {
        case 'n':
          out += '\n';
          break;
        case 't':
          out += '\t';
          break;
        case 'r':
          out += '\r';
          break;
        case 'b':
          out += '\b';
          break;
        case 'f':
          out += '\f';
          break;
        default:
          out += c;
      }
    }
    return out;
  }

  FunctionStep function(const std::string& name, std::size_t name_at) {
    static constexpr std::pair<std::string_view, PathFunction> names[] = {
        {"length", PathFunction::length}, {"size", PathFunction::length},
        {"min", PathFunction::min},       {"max", PathFunction::max},
        {"avg", PathFunction::avg},       {"sum", PathFunction::sum},
        {"stddev", PathFunction::stddev}, {"keys", PathFunction::keys},
        {"first", PathFunction::first},   {"last", PathFunction::last},
        {"index", PathFunction::index},   {"concat", PathFunction::concat},
        {"append", PathFunction::append}};
    FunctionStep step;
    bool known = false;
    for (const auto& [text, function] : names) {
      if (text != name) continue;
      step.function = function;
      known = true;
    }
    if (!known) {
      at_ = name_at;
      refuse(
          "one of the functions length, size, min, max, avg, sum, stddev, keys, first, last, "
          "index, concat, append");
    }
    need('(');
    skip_space();
    if (take(')')) {
      if (step.function == PathFunction::index) refuse("an argument of index");
      return step;
    }
    do {
      skip_space();
      step.arguments.push_back(operand());
      skip_space();
    } while (take(','));
    need(')');
    return step;
  }

  Filter any_of() {
    const Deeper deeper(*this);
    Filter filter = all_of();
    if (peek() != '|') return filter;
    Filter any{FilterKind::any_of, {}, {}, {}, {}};
    any.parts.push_back(std::move(filter));
    while (take('|')) {
      need('|');
      any.parts.push_back(all_of());
    }
    return any;
  }

  Filter all_of() {
    Filter filter = term();
    skip_space();
    if (peek() != '&') return filter;
    Filter all{FilterKind::all_of, {}, {}, {}, {}};
    all.parts.push_back(std::move(filter));
    while (take('&')) {
      need('&');
      all.parts.push_back(term());
      skip_space();
    }
    return all;
  }

  Filter term() {
    skip_space();
    if (peek() == '!' && peek(1) != '=') {
      ++at_;
      const Deeper deeper(*this);
      Filter negation{FilterKind::negation, {}, {}, {}, {}};
      negation.parts.push_back(term());
      return negation;
    }
    if (take('(')) {
      Filter inner = any_of();
      skip_space();
      need(')');
      return inner;
    }
    Filter filter;
    filter.left = operand();
    skip_space();
    if (const auto comparison = comparison_at()) {
      filter.kind = FilterKind::compare;
      filter.comparison = *comparison;
      skip_space();
      filter.right = operand();
      skip_space();
    } else if (!std::holds_alternative<PathPtr>(filter.left)) {
      refuse("a comparison");
    }
    return filter;
  }

  std::optional<Comparison> comparison_at() {
    static constexpr std::pair<std::string_view, Comparison> symbols[] = {
        {"==", Comparison::equal},      {"!=", Comparison::not_equal},
        {"<=", Comparison::less_equal}, {">=", Comparison::greater_equal},
        {"<", Comparison::less},        {">", Comparison::greater}};
    static constexpr std::pair<std::string_view, Comparison> words[] = {
        {"in", Comparison::in},
        {"nin", Comparison::not_in},
        {"subsetof", Comparison::subset_of},
        {"anyof", Comparison::any_of},
        {"noneof", Comparison::none_of},
        {"size", Comparison::size},
        {"empty", Comparison::empty},
        {"contains", Comparison::contains}};
    const std::string_view rest = text_.substr(at_);
    if (rest.starts_with("=~"))
      refuse("a comparison other than '=~': regular expressions are not offered");
    for (const auto& [symbol, comparison] : symbols) {
      if (!rest.starts_with(symbol)) continue;
      at_ += symbol.size();
      return comparison;
    }
    std::size_t length = 0;
    while (length < rest.size() && ((rest[length] | 0x20) >= 'a' && (rest[length] | 0x20) <= 'z'))
      ++length;
    if (length == 0) return std::nullopt;
    std::string word(rest.substr(0, length));
    for (char& c : word) c = static_cast<char>(c | 0x20);
    for (const auto& [name, comparison] : words) {
      if (name != word) continue;
      at_ += length;
      return comparison;
    }
    refuse("==, !=, <, <=, >, >=, in, nin, subsetof, anyof, noneof, size, empty or contains");
  }

  Operand operand() {
    const Deeper deeper(*this);
    const char c = peek();
    if (c == '@' || c == '$') return path_at(true);
    if (c == '\'' || c == '"') return Json(quoted());
    if (c == '[') {
      ++at_;
      Json list = Json::array();
      skip_space();
      if (take(']')) return list;
      do {
        skip_space();
        Operand element = operand();
        if (!std::holds_alternative<Json>(element)) refuse("a literal");
        list.push_back(std::get<Json>(std::move(element)));
        skip_space();
      } while (take(','));
      need(']');
      return list;
    }
    const std::size_t start = at_;
    while (!done() &&
           std::string_view(" \t\r\n()[],<>=!&|'\"").find(peek()) == std::string_view::npos)
      ++at_;
    const std::string_view word = text_.substr(start, at_ - start);
    if (word.empty()) refuse("a path (@… or $…) or a literal");
    if (word == "true") return Json(true);
    if (word == "false") return Json(false);
    if (word == "null") return Json(nullptr);
    Json number = Json::parse(word, nullptr, false);
    if (number.is_number()) return number;
    // The service takes a bare word for text, so that definitions with @.Type==Map deploy.
    return Json(std::string(word));
  }

  std::string_view text_;
  std::size_t at_ = 0;
  int depth_ = 0;
};

Error refusal(std::string_view text, const Refused& refused) {
  std::string found = "the end";
  if (refused.at < text.size()) {
    // A whole UTF-8 character, so that the message is text.
    std::size_t end = refused.at + 1;
    while (end < text.size() && (static_cast<unsigned char>(text[end]) & 0xC0) == 0x80) ++end;
    found = fmt::format("'{}'", text.substr(refused.at, end - refused.at));
  }
  return make_error(Errc::invalid_argument,
                    fmt::format("the path '{}' has {} at character {}; expected {}", text, found,
                                refused.at + 1, refused.expected));
}

}  // namespace

Result<PathPtr> parse_path(std::string_view text) {
  if (text.empty() || text[0] != '$')
    return make_error(
        Errc::invalid_argument,
        fmt::format("'{}' is not a path; expected '$' followed by steps, such as $.order.id",
                    text));
  try {
    return PathParser(text).whole();
  } catch (const Refused& refused) {
    return refusal(text, refused);
  }
}

std::string show_step(const PathStep& step) {
  if (const auto* names = std::get_if<NameStep>(&step.kind)) {
    std::string out = "[";
    for (const auto& name : names->names)
      out += fmt::format("{}'{}'", out.size() > 1 ? "," : "", name);
    return out + "]";
  }
  if (const auto* indexes = std::get_if<IndexStep>(&step.kind))
    return fmt::format("[{}]", indexes->indexes[0]);
  return "[*]";
}

}  // namespace sluice::workflows
