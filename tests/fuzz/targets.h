// What is fuzzed: functions that take any bytes and abort where a promise is broken.
//
// Two drivers call them: libFuzzer (entry.cc, one program for each target; scripts/fuzz) and
// replay_test.cc, which needs no clang (scripts/test). Bytes beyond what a target looks at are
// ignored, so that every call ends soon.
//
// Threads: single-threaded, caller serialises.
#pragma once

#include <cstdint>
#include <string>
#include <string_view>

#include "base/check.h"
#include "base/json.h"
#include "base/json_text.h"
#include "base/result.h"

namespace sluice::fuzz {

void definition(std::string_view bytes);   // workflows::compile, canonical_text, graph_of
void jsonata(std::string_view bytes);      // JSONata in both dialects, within small limits
void path(std::string_view bytes);         // paths, reference paths, intrinsics, templates
void json(std::string_view bytes);         // the checker, the parser, envelopes, arrays
void stored_rows(std::string_view bytes);  // frames and log rows as they are read back

struct Target {
  std::string_view name;  // of its folder below seeds/ and of its dictionary
  void (*run)(std::string_view bytes);
};
inline constexpr Target targets[] = {{"definition", definition},
                                     {"jsonata", jsonata},
                                     {"path", path},
                                     {"json", json},
                                     {"stored_rows", stored_rows}};

// Text for people can be sent as JSON: it is valid UTF-8.
inline void check_sendable(std::string_view text) {
  bool valid = true;
  try {
    (void)Json(std::string(text)).dump();
  } catch (const Json::exception&) {
    valid = false;
  }
  SLUICE_CHECK(valid, "a message that is valid UTF-8");
}

// The text with '?' for each byte that is no UTF-8: expressions come out of JSON, so they never are
// anything else, and none of a fuzzer's changes is lost for it.
inline std::string as_utf8(std::string_view bytes) {
  std::string text;
  for (std::size_t at = 0; at < bytes.size();) {
    std::size_t size = 1;
    bool valid = static_cast<unsigned char>(bytes[at]) < 0x80;
    for (std::size_t longer = 2; !valid && longer <= 4; ++longer) {
      const std::string quoted = '"' + std::string(bytes.substr(at, longer)) + '"';
      if (at + longer > bytes.size() || !check_json(quoted)) continue;
      size = longer;
      valid = true;
    }
    text += valid ? bytes.substr(at, size) : std::string_view("?");
    at += size;
  }
  return text;
}

// An answer that refuses names its reasons, and places that are JSON Pointers.
inline void check_refusal(const Error& error) {
  SLUICE_CHECK(!error.detail.empty() || !error.problems.empty(), "a refusal with a reason");
  check_sendable(error.detail);
  for (const Problem& each : error.problems) {
    SLUICE_CHECK(each.pointer.empty() || each.pointer.front() == '/', "a JSON Pointer");
    SLUICE_CHECK(!each.detail.empty(), "a problem that is told");
    check_sendable(each.pointer);
    check_sendable(each.detail);
  }
}

}  // namespace sluice::fuzz
