#include <ostream>

#include "cli/values.h"

namespace sluice::cli {

Command check_command() {
  Command command{
      .name = "check",
      .summary = "Check a live server's invariants",
      .description =
          "Every open run must have exactly one recorded reason to wait and one row that will move "
          "it on. Changes nothing. Exit code 1 if anything is found.",
      .examples = {{"sluice check", ""}}};
  command.run = [](Context& context) {
    Client client(context);
    const Answer answer =
        client.send({.method = "POST", .path = "/v1/check", .body = "{}", .timeout_seconds = 600});
    const Json said = answer.json();
    const Json& listed = member(said, "findings");
    const Json& findings = listed.is_array() ? listed : member(said, "items");
    if (!findings.is_array())
      throw Failure(Exit::server_error, "expected a list of findings in the server's answer");
    if (context.json) {
      print_json(context, answer);
      return findings.empty() ? Exit::ok : Exit::failed;
    }
    for (const auto& finding : findings) {
      const std::string repair = text_of(finding, "repair");
      context.out << fmt::format("{}  {}: {}{}\n", paint(context.out_terminal, Tone::bad, "fail"),
                                 text_of(finding, "invariant"), text_of(finding, "detail"),
                                 repair.empty() ? "" : fmt::format("\n      {}", repair));
    }
    if (findings.empty())
      context.out << paint(context.out_terminal, Tone::good, "ok") << "    every invariant holds\n";
    else
      note(context, counted(std::ssize(findings), "finding"));
    return findings.empty() ? Exit::ok : Exit::failed;
  };
  return command;
}

}  // namespace sluice::cli
