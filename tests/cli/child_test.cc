#include <doctest/doctest.h>

#include <signal.h>

#include <system_error>

#include "cli/child.h"
#include "cli/worker.h"

namespace sluice::cli {
namespace {

ChildEnd run_shell(const std::string& script, std::string_view input = "",
                   ChildOptions options = {}) {
  options.command = {"/bin/sh", "-c", script};
  return Child(std::move(options)).run(input);
}

TaskAnswer answer_of(const std::string& script) { return task_answer(run_shell(script)); }

}  // namespace

TEST_CASE("the task's body is the command's input and what it prints its output") {
  CHECK(run_shell("cat", R"({"id":7})").output == R"({"id":7})");
  CHECK(run_shell("read line; echo \"$line\"").output == "\n");
}

TEST_CASE("a body larger than a pipe passes, both ways at once") {
  const std::string body(900'000, 'x');
  CHECK(run_shell("cat", body).output == body);
}

TEST_CASE("a command that does not read its input is no failure") {
  const ChildEnd end = run_shell("exit 0", std::string(900'000, 'x'));
  CHECK(end.exit_code == 0);
  CHECK_FALSE(end.signal);
}

TEST_CASE("the command finds the task in its environment, beside the worker's own") {
  CHECK(run_shell("echo \"$SLUICE_RUN/$HOME_OF_TEST/${PATH:+path}\"", "",
                  {.command = {}, .environment = {{"SLUICE_RUN", "r1"}, {"HOME_OF_TEST", "a b"}}})
            .output == "r1/a b/path\n");
}

TEST_CASE("exit codes, signals and the end of standard error are kept") {
  const ChildEnd failed = run_shell("echo out; echo why >&2; exit 3");
  CHECK(failed.exit_code == 3);
  CHECK(failed.error_tail == "why\n");
  CHECK(failed.output == "out\n");
  const ChildEnd killed = run_shell("kill -SEGV $$");
  CHECK(killed.signal == SIGSEGV);
  const ChildEnd talkative =
      run_shell("i=0; while [ $i -lt 3000 ]; do echo line $i >&2; i=$((i+1)); done; exit 1", "",
                {.command = {}, .error_tail_bytes_max = 100});
  CHECK(talkative.error_tail.size() == 100);
  CHECK(talkative.error_tail.ends_with("line 2999\n"));
}

TEST_CASE("output beyond the bound is dropped and told, and the command is not held up") {
  const ChildEnd end = run_shell("head -c 300000 /dev/zero; echo done >&2", "",
                                 {.command = {}, .output_bytes_max = 1'000});
  CHECK(end.output.size() == 1'000);
  CHECK(end.output_too_large);
  CHECK(end.error_tail == "done\n");
}

TEST_CASE("a command that cannot be started is an error, not a task's failure") {
  CHECK_THROWS_AS(Child({.command = {"/nowhere/at-all"}}), std::system_error);
}

TEST_CASE("stop ends the command with everything it started") {
  // The grandchild holds the output open and would hold a run that waits for its end.
  Child* self = nullptr;
  Child child({.command = {"/bin/sh", "-c", "sleep 1000 & echo ready >&2; wait"},
               .on_error_output = [&](std::string_view) { self->stop(); }});
  self = &child;
  const ChildEnd end = child.run("");
  CHECK(end.stopped);
  CHECK(end.signal == SIGTERM);
}

TEST_CASE("a command that ignores SIGTERM is killed") {
  Child* self = nullptr;
  Child child({.command = {"/bin/sh", "-c", "trap '' TERM; echo ready >&2; while :; do :; done"},
               .kill_after = milliseconds(20),
               .on_error_output = [&](std::string_view) { self->stop(); }});
  self = &child;
  const ChildEnd end = child.run("");
  CHECK(end.stopped);
  CHECK(end.signal == SIGKILL);
}

TEST_CASE(
    "a command has ended when it exits, even if something in the background keeps its output "
    "open") {
  const ChildEnd end = run_shell("sleep 1000 & echo $! ; exit 0");
  CHECK(end.exit_code == 0);
  const int background = std::stoi(end.output);
  CHECK(kill(background, 0) == 0);  // it was left alone
  kill(background, SIGKILL);
}

TEST_CASE("how a command ended is how its task is answered") {
  struct Row {
    const char* script;
    const char* verb;
    const char* body;
  };
  for (
      const auto& [script, verb, body] : std::initializer_list<Row>{
          {"echo '{\"a\": 1.10}'", "complete", R"({"output":{"a": 1.10}})"},
          {"echo 12345678901234567890123", "complete", R"({"output":12345678901234567890123})"},
          {"true", "complete", R"({"output":null})"},
          {"echo ' '", "complete", R"({"output":null})"},
          {"echo hello world", "complete", R"({"output":"hello world"})"},
          {"printf 'a\\nb\\n'", "complete", R"({"output":"a\nb"})"},
          {"printf 'a\\377b'", "complete",
           "{\"output\":\"a\xEF\xBF\xBD"
           "b\"}"},
          {"echo out; echo 'no money' >&2; exit 3", "fail",
           R"({"error":"Exit.3","cause":"no money"})"},
          {"exit 1", "fail", R"({"error":"Exit.1","cause":""})"},
          {"kill -KILL $$", "fail", R"({"error":"Signal.KILL","cause":""})"},
          {"head -c 1100000 /dev/zero", "fail",
           R"({"error":"Worker.OutputTooLarge","cause":"the command printed more than 1.0 MB"})"}}) {
    CAPTURE(script);
    const TaskAnswer answer = answer_of(script);
    CHECK(answer.verb == verb);
    CHECK(answer.body == body);
  }
}

}  // namespace sluice::cli
