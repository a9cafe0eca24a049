#include "orchestrator/http_request.h"

#include <fmt/format.h>

#include <algorithm>
#include <array>
#include <optional>
#include <string>
#include <vector>

namespace sluice::orchestrator {

using workflows::Evaluated;
using workflows::excerpt;
using workflows::Failure;

namespace {

constexpr std::array<std::string_view, 7> methods = {"GET",  "POST",    "PUT",  "DELETE",
                                                     "HEAD", "OPTIONS", "PATCH"};

// The text of a scalar; nothing for null, arrays and objects.
std::optional<std::string> text_of(const Json& value) {
  if (value.is_string()) return value.get<std::string>();
  if (value.is_number() || value.is_boolean()) return to_text(value);
  return std::nullopt;
}

class Request {
 public:
  explicit Request(const Json& arguments) {
    for (const auto& [name, value] : arguments.items()) {
      if (name == "Url" || name == "ApiEndpoint") {
        url(name, value);
      } else if (name == "Method") {
        method(value);
      } else if (name == "Headers") {
        texts("Headers", name, value, false);
      } else if (name == "Query" || name == "QueryParameters") {
        texts("Query", name, value, true);
      } else if (name == "Body" || name == "RequestBody") {
        put("Body", name, value);
      } else if (name != "Authentication" && name != "InvocationConfig") {
        problems_.push_back(fmt::format(
            "{} is not known here: expected Url, Method, Headers, Query and Body", name));
      }
    }
    if (!out_.contains("Url")) problems_.push_back("Url is missing");
    if (!out_.contains("Method")) out_["Method"] = "GET";
  }

  Evaluated<Json> result() && {
    if (problems_.empty()) return std::move(out_);
    std::string all;
    for (const std::string& problem : problems_) all += (all.empty() ? "" : "; ") + problem;
    return Failure{"States.Runtime", "The arguments of http:invoke cannot be used: " + all + "."};
  }

 private:
  void put(const char* as, std::string_view name, Json value) {
    if (out_.contains(as)) {
      problems_.push_back(fmt::format("{} says again what {} is", name, as));
    } else {
      out_[as] = std::move(value);
    }
  }

  void url(std::string_view name, const Json& value) {
    const std::string text = value.is_string() ? value.get<std::string>() : std::string();
    const bool known = text.starts_with("https://") || text.starts_with("http://");
    if (!known || std::ranges::any_of(text, [](char c) {
          return static_cast<unsigned char>(c) <= 0x20 || c == '\x7F';
        })) {
      problems_.push_back(fmt::format("{} must be an http:// or https:// address, but was: {}",
                                      name, excerpt(value, 200)));
    }
    put("Url", name, value);
  }

  void method(const Json& value) {
    if (!value.is_string() ||
        std::ranges::find(methods, value.get_ref<const std::string&>()) == methods.end())
      problems_.push_back(
          fmt::format("Method must be GET, POST, PUT, DELETE, HEAD, OPTIONS or PATCH, but was: {}",
                      excerpt(value, 200)));
    put("Method", "Method", value);
  }

  void texts(const char* as, std::string_view name, const Json& value, bool lists) {
    const auto refuse = [&](const Json& found) {
      problems_.push_back(fmt::format("{} must be an object of {}, but there was: {}", name,
                                      lists ? "texts or lists of texts" : "texts",
                                      excerpt(found, 200)));
    };
    if (!value.is_object()) return refuse(value);
    Json made = Json::object();
    for (const auto& [key, member] : value.items()) {
      if (const auto text = text_of(member)) {
        made[key] = *text;
      } else if (lists && member.is_array()) {
        Json list = Json::array();
        for (const Json& element : member) {
          const auto text_in = text_of(element);
          if (!text_in) return refuse(element);
          list.push_back(*text_in);
        }
        made[key] = std::move(list);
      } else {
        return refuse(member);
      }
    }
    put(as, name, std::move(made));
  }

  Json out_ = Json::object();
  std::vector<std::string> problems_;
};

}  // namespace

Evaluated<Json> http_request(const Json& arguments) {
  if (!arguments.is_object())
    return Failure{"States.Runtime",
                   fmt::format("http:invoke needs an object with a Url, but was given: {}",
                               excerpt(arguments, 200))};
  return Request(arguments).result();
}

}  // namespace sluice::orchestrator
