// The table of routes: what dispatches a request is what the OpenAPI document is made from.
//
// A Route says how it is reached, what it takes and what it may answer. Each routes_*.cc gives the
// routes of one noun; Router holds all of them in a tree by path segment, a literal before a
// parameter.
//
// Thread-safe after construction (nothing changes any more).
#pragma once

#include <array>
#include <memory>
#include <string>
#include <string_view>
#include <vector>

#include "api/http.h"

namespace sluice::api {

using Handler = asio::awaitable<Response> (*)(Call& call);

struct Parameter {
  enum class Kind { text, integer, flag, time, seconds, choice, id };
  std::string_view name;
  Kind kind = Kind::text;
  std::string_view about;
  std::int64_t min = 0, max = 0;  // of integer and seconds
  std::string_view choices = "";  // of choice: "json|mermaid|dot"
  bool repeated = false;
};

struct Answer {
  int status = 200;
  std::string_view about;
  std::string_view schema = "";  // a name of schemas.h; "": none
  std::string_view content_type = "application/json";
};

enum class Body { none, optional, required, batch };

struct Route {
  Method method = Method::get;
  std::string_view path;  // "/v1/runs/{id}"
  Handler handler = nullptr;
  std::string_view operation;  // its name, unique
  std::string_view tag;
  std::string_view summary;
  std::vector<Parameter> query = {};
  Body body = Body::none;
  std::string_view request = "";  // the body's schema, a name of schemas.h
  bool takes_idempotency_key = false;
  std::vector<Answer> answers = {};
  std::size_t number = 0;  // its place in the table; set by Router
};

std::vector<Route> workflow_routes();
std::vector<Route> run_routes();
std::vector<Route> queue_routes();
std::vector<Route> event_routes();
std::vector<Route> topic_routes();
std::vector<Route> schedule_routes();
std::vector<Route> flow_routes();
std::vector<Route> task_routes();
std::vector<Route> dead_letter_routes();
std::vector<Route> audit_routes();
std::vector<Route> job_routes();
std::vector<Route> service_routes();
std::vector<Route> all_routes();

class Router {
 public:
  explicit Router(std::vector<Route> routes);
  ~Router();

  struct Match {
    const Route* route = nullptr;   // nothing: see `allow`
    std::vector<std::string> path;  // the parameters, decoded
    std::string allow;              // the path exists, for these methods: 405; "": 404
    bool bad_escape = false;        // 400
  };
  // `method` as in the request line; HEAD finds GET. `path` without the query, still encoded.
  Match find(std::string_view method, std::string_view path) const;
  const std::vector<Route>& routes() const { return routes_; }

 private:
  struct Node;
  std::vector<Route> routes_;
  std::unique_ptr<Node> root_;
};

// Every parameter is known to the route and of its kind, or every problem.
Status check_query(const Route& route, const Query& query);

// The parameters that every list takes. A cursor that no answer can have given is refused: taken
// for the beginning, it would send whoever walks the pages in a circle.
std::vector<Parameter> with_page(std::vector<Parameter> more,
                                 Parameter::Kind cursor = Parameter::Kind::text);

}  // namespace sluice::api
