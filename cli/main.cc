#include <csignal>
#include <iostream>

#include "cli/command.h"
#include "cli/process.h"
#include "cli/serve.h"

int main(int argc, char** argv) {
  using namespace sluice::cli;
  // A reader that went away (`sluice runs | head`) is an error of the write, not the end of the
  // process.
  std::signal(SIGPIPE, SIG_IGN);
  Context context{.in = std::cin,
                  .out = std::cout,
                  .err = std::cerr,
                  .out_terminal = terminal_of(1),
                  .err_terminal = terminal_of(2),
                  .in_is_terminal = terminal_of(0).is_terminal,
                  .environment = environment_of_process(),
                  .serve = serve};
  return run({argv + 1, argv + argc}, context);
}
