#include "api/router.h"

#include <fmt/format.h>

#include "base/ids.h"
#include "base/suggest.h"

namespace sluice::api {
namespace {

// Of a cursor that counts items; far from where adding a page would overflow.
constexpr std::int64_t cursor_max = 1'000'000'000'000;

constexpr std::array methods{Method::get, Method::put, Method::post, Method::delete_};

// What is wrong with the value; "" if nothing is.
std::string fault_of(const Parameter& parameter, std::string_view value) {
  using Kind = Parameter::Kind;
  switch (parameter.kind) {
    case Kind::text:
      if (value.empty()) return "expected a text, found nothing";
      return "";
    case Kind::integer: {
      const auto number = parse_integer(value);
      if (number && *number >= parameter.min && *number <= parameter.max) return "";
      return fmt::format("expected an integer from {} to {}, found \"{}\"", parameter.min,
                         parameter.max, value);
    }
    case Kind::flag:
      if (parse_flag(value)) return "";
      return fmt::format("expected true or false, found \"{}\"", value);
    case Kind::time:
      if (parse_rfc3339(value)) return "";
      return fmt::format(
          "expected an RFC 3339 time such as 2026-01-31T23:59:59Z, found \"{}\" (write + as %2B)",
          value);
    case Kind::seconds: {
      const auto duration = parse_seconds(value);
      if (duration && *duration >= seconds(parameter.min) && *duration <= seconds(parameter.max))
        return "";
      return fmt::format("expected seconds from {} to {}, found \"{}\"", parameter.min,
                         parameter.max, value);
    }
    case Kind::id:
      if (parse_base32(value)) return "";
      return fmt::format("expected 13 characters of base 32, found \"{}\"", value);
    case Kind::choice: {
      std::string_view rest = parameter.choices;
      while (!rest.empty()) {
        const auto bar = rest.find('|');
        if (rest.substr(0, bar) == value) return "";
        rest = bar == std::string_view::npos ? std::string_view{} : rest.substr(bar + 1);
      }
      return fmt::format("expected one of {}, found \"{}\"", parameter.choices, value);
    }
  }
  return "";
}

}  // namespace

struct Router::Node {
  std::vector<std::pair<std::string_view, std::unique_ptr<Node>>> literals;
  std::unique_ptr<Node> parameter;
  std::array<const Route*, methods.size()> routes{};

  Node& literal(std::string_view name) {
    if (Node* known = find_literal(name)) return *known;
    return *literals.emplace_back(name, std::make_unique<Node>()).second;
  }
  Node* find_literal(std::string_view name) const {
    for (const auto& [key, node] : literals)
      if (key == name) return node.get();
    return nullptr;
  }
  bool empty() const {
    return std::all_of(routes.begin(), routes.end(), [](const Route* r) { return r == nullptr; });
  }
  // The node for `rest`, and the raw parameters on the way to it. A literal that leads nowhere
  // gives way to the parameter beside it.
  const Node* walk(std::string_view rest, std::vector<std::string_view>& found) const {
    if (rest.data() == nullptr) return empty() ? nullptr : this;
    const auto slash = rest.find('/');
    const std::string_view segment = rest.substr(0, slash);
    const std::string_view after =
        slash == std::string_view::npos ? std::string_view{} : rest.substr(slash + 1);
    if (const Node* node = find_literal(segment))
      if (const Node* end = node->walk(after, found)) return end;
    if (!parameter || segment.empty()) return nullptr;
    found.push_back(segment);
    if (const Node* end = parameter->walk(after, found)) return end;
    found.pop_back();
    return nullptr;
  }
};

Router::Router(std::vector<Route> routes)
    : routes_(std::move(routes)), root_(std::make_unique<Node>()) {
  for (std::size_t number = 0; number < routes_.size(); ++number) {
    Route& route = routes_[number];
    route.number = number;
    Node* node = root_.get();
    std::string_view rest = route.path.substr(1);
    while (rest.data() != nullptr) {
      const auto slash = rest.find('/');
      const std::string_view segment = rest.substr(0, slash);
      rest = slash == std::string_view::npos ? std::string_view{} : rest.substr(slash + 1);
      if (segment.starts_with('{')) {
        if (!node->parameter) node->parameter = std::make_unique<Node>();
        node = node->parameter.get();
      } else {
        node = &node->literal(segment);
      }
    }
    auto& place = node->routes[static_cast<std::size_t>(route.method)];
    SLUICE_CHECK(place == nullptr, "each method and path once in the table of routes");
    place = &route;
  }
}

Router::~Router() = default;

Router::Match Router::find(std::string_view method, std::string_view path) const {
  Match match;
  if (!path.starts_with('/')) return match;
  std::vector<std::string_view> found;
  const Node* node = root_->walk(path.substr(1), found);
  if (!node) return match;
  if (method == "HEAD") method = "GET";
  for (const Method known : methods)
    if (to_string(known) == method) match.route = node->routes[static_cast<std::size_t>(known)];
  if (!match.route) {
    for (const Method known : methods) {
      if (!node->routes[static_cast<std::size_t>(known)]) continue;
      if (!match.allow.empty()) match.allow += ", ";
      match.allow += to_string(known);
      if (known == Method::get) match.allow += ", HEAD";
    }
    return match;
  }
  match.path.reserve(found.size());
  for (const auto raw : found) {
    auto decoded = percent_decode(raw, false);
    if (!decoded) {
      match.bad_escape = true;
      return match;
    }
    match.path.push_back(std::move(*decoded));
  }
  return match;
}

Status check_query(const Route& route, const Query& query) {
  std::vector<Problem> problems;
  const auto& items = query.items();
  for (std::size_t i = 0; i < items.size(); ++i) {
    const auto& [name, value] = items[i];
    const auto known = std::find_if(route.query.begin(), route.query.end(),
                                    [&](const Parameter& p) { return p.name == name; });
    if (known == route.query.end()) {
      std::vector<std::string_view> names;
      for (const auto& parameter : route.query) names.push_back(parameter.name);
      const std::string near = suggest(name, names);
      problems.push_back(
          {"?" + name, near.empty()
                           ? "this route takes no such parameter"
                           : "this route takes no such parameter; did you mean " + near + "?"});
      continue;
    }
    const bool again = std::any_of(items.begin(), items.begin() + static_cast<std::ptrdiff_t>(i),
                                   [&](const auto& other) { return other.first == name; });
    if (again && !known->repeated) {
      problems.push_back({"?" + name, "given more than once"});
      continue;
    }
    if (auto fault = fault_of(*known, value); !fault.empty())
      problems.push_back({"?" + name, std::move(fault)});
  }
  if (problems.empty()) return ok();
  return Error{Errc::invalid_argument, "the query parameters are not what was expected",
               std::move(problems)};
}

std::vector<Parameter> with_page(std::vector<Parameter> more, Parameter::Kind cursor) {
  more.push_back(
      {"limit", Parameter::Kind::integer, "items in one answer (default 50)", 1, page_items_max});
  more.push_back({"cursor", cursor, "`next` of the answer before", 0, cursor_max});
  return more;
}

std::vector<Route> all_routes() {
  std::vector<Route> all;
  for (auto* part :
       {workflow_routes, run_routes, queue_routes, event_routes, topic_routes, schedule_routes,
        flow_routes, audit_routes, job_routes, task_routes, dead_letter_routes, service_routes})
    for (auto& route : part()) all.push_back(std::move(route));
  return all;
}

}  // namespace sluice::api
