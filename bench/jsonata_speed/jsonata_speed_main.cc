// How long JSONata expressions take: reads cases (cases.mjs), writes a line of JSON for each:
// {"ns": of the fastest batch, "result": …} or {"error": …}. compare.mjs puts Node beside it.
//
//   jsonata_speed FILE SECONDS
#include <chrono>
#include <cstdio>
#include <fstream>
#include <iterator>
#include <limits>

#include "base/json.h"
#include "workflows/jsonata/jsonata.h"

namespace sluice {
namespace {
namespace jsonata = workflows::jsonata;

std::int64_t now_ns() {
  // tidy: clock: measures the bench itself
  return std::chrono::steady_clock::now().time_since_epoch() / std::chrono::nanoseconds(1);
}

double measure(const jsonata::Expression& expression, const jsonata::Environment& environment,
               double seconds) {
  const auto run = [&] { return expression.evaluate(environment); };
  const std::int64_t start = now_ns();
  const auto until = [&](double part) {
    return start + static_cast<std::int64_t>(seconds * part * 1e9);
  };
  std::int64_t count = 0;
  for (; now_ns() < until(0.4) || count == 0; ++count) (void)run();
  const double each = static_cast<double>(now_ns() - start) / static_cast<double>(count);
  const auto batch = std::max<std::int64_t>(1, static_cast<std::int64_t>(5e6 / each));
  double best = std::numeric_limits<double>::infinity();
  do {
    const std::int64_t from = now_ns();
    for (std::int64_t i = 0; i < batch; ++i) (void)run();
    best = std::min(best, static_cast<double>(now_ns() - from) / static_cast<double>(batch));
  } while (now_ns() < until(1));
  return best;
}

Json measured(const Json& given, const Json& documents, double seconds) {
  Json line = Json::object();
  auto compiled = jsonata::compile(given.at("expression").get_ref<const std::string&>());
  if (const auto* error = std::get_if<jsonata::Error>(&compiled)) {
    line["error"] = error->code + ": " + error->message;
    return line;
  }
  const auto& expression = std::get<jsonata::Expression>(compiled);
  jsonata::Environment environment;
  if (given.contains("document"))
    environment.input = &documents.at(given.at("document").get_ref<const std::string&>());
  if (given.contains("bindings"))
    for (const auto& [name, value] : given.at("bindings").items())
      environment.bindings.push_back({.name = name, .value = &value});
  const auto answer = expression.evaluate(environment);
  if (const auto* error = std::get_if<jsonata::Error>(&answer)) {
    line["error"] = error->code + ": " + error->message;
    return line;
  }
  if (const auto* value = std::get_if<Json>(&answer)) line["result"] = *value;
  line["ns"] = measure(expression, environment, seconds);
  return line;
}

int run(const std::string& file, double seconds) {
  std::ifstream in(file, std::ios::binary);
  const std::string text(std::istreambuf_iterator<char>(in), {});
  const auto cases = parse_json(text, {.depth_max = 10'000, .refuse_duplicate_keys = false});
  if (!cases) {
    std::fprintf(stderr, "jsonata_speed: %s: %s\n", file.c_str(), cases.error().detail.c_str());
    return 1;
  }
  for (const Json& given : cases->at("cases"))
    std::printf("%s\n", to_text(measured(given, cases->at("documents"), seconds)).c_str());
  return 0;
}

}  // namespace
}  // namespace sluice

int main(int argc, char** argv) {
  if (argc != 3) {
    std::fprintf(stderr, "usage: jsonata_speed FILE SECONDS\n");
    return 2;
  }
  return sluice::run(argv[1], std::stod(argv[2]));
}
