#!/usr/bin/env python3
"""The house rules find what they forbid, and nothing else."""
import os
import re
import tempfile
import unittest

import tidy

FORBIDDEN = [
    ("queue/a.cc", '#include "workflows/workflow.h"', "queue/ may not include workflows/"),
    ("base/a.cc", '#include "storage/storage.h"', "sees: no other room"),
    ("workflows/a.cc", '#include "storage/storage.h"', "workflows/ may not include storage/"),
    ("clients/cpp/a.cc", '#include "api/server.h"', "clients/ may not include api/"),
    ("queue/a.cc", "#include <sqlite3.h>", "<sqlite3.h> may only be included in storage/"),
    ("orchestrator/a.cc", "#include <boost/asio/post.hpp>", "sockets belong to api/"),
    ("orchestrator/a.cc", "#include <httplib.h>", "outbound/http_call.cc"),
    ("cli/a.h", "#pragma once\n#include <httplib.h>", "belongs in a .cc"),
    ("queue/a.cc", "auto t = std::chrono::steady_clock::now();", "reads a clock"),
    ("queue/a.cc", "// tidy: clock: no exception here\nauto t = system_clock::now();", "reads a clock"),
    ("tests/queue/a_test.cc", "auto t = system_clock::now();", "reads a clock"),
    ("tests/queue/a_test.cc", "std::this_thread::sleep_for(1s);", "a test sleeps"),
    ("queue/a.cc", 'db.run("SELECT 1");', "SQL stands here"),
    ("queue/a.cc", 'db.run(R"(\n)"\n"  UPDATE live SET x = 1");', "SQL stands here"),
    ("queue/a.cc", 'db.run(R"sql(DELETE FROM live");', "SQL stands here"),
    ("queue/a.cc", 'db.run("PRAGMA user_version");', "SQL stands here"),
    ("storage/a.cc", 'db.run("CREATE TABLE t(x)");', "SQL stands here"),
    ("queue/a.h", "int x;", "no #pragma once"),
    ("queue/a.cc", "\n" * 601, "601 lines, at most 600"),
    ("api/a.cc", "auto r = co_await submit(call, StartRun{.name = name});", "made with braces"),
    ("api/a.cc", "co_return co_await change(call, Command{call.path[0]}, RenderDone{});", "made with braces"),
    ("api/a.cc", "co_await submit(call, Command{});", "made with braces"),
    ("api/a.cc", "co_await submit(call, std::vector<std::string>{a});", "made with braces"),
    ("api/a.cc", "co_await send(call, {name, value});", "made with braces"),
    ("api/a.cc", "const auto x = pick(Pair{a, b},\n  co_await next());", "made with braces"),
    ("api/a.cc", "co_await (fast ? quick() : slow(Options{.name = n}));", "made with braces"),
    ("api/a.cc", "if (co_await holds(Key{name})) {\n  go();\n}", "made with braces"),
    ("api/a.cc", "co_await read(call, [id = std::move(id)] { return find(id); });", "lambda that holds"),
    ("api/a.cc", "co_await read(call, [&, text](auto done) mutable { done(text); });", "lambda that holds"),
    ("api/a.cc", "co_await read(call, [=] { return find(id); });", "lambda that holds"),
    ("api/a.cc", "spawn([self] {\n  co_await f(Pair{a, b});\n});", "made with braces"),
]

ALLOWED = [
    ("orchestrator/a.cc", '#include "workflows/workflow.h"\n#include "base/json.h"'),
    ("storage/a.cc", '#include <sqlite3.h>\nrun("PRAGMA x");'),
    ("outbound/http_call.cc", "#include <httplib.h>"),
    ("api/a.cc", "#include <boost/beast/http.hpp>"),
    ("base/clock.cc", "std::chrono::steady_clock::now();"),
    ("bench/a.cc", "// tidy: clock: measures the bench itself\nsteady_clock::now();"),
    ("queue/a.cc", "// system_clock::now() would tear this apart"),
    ("queue/a.cc", 'fail("UPDATE is not what you think"); say("with care");'),
    ("queue/statements.h", '#pragma once\nconstexpr auto x = "SELECT 1";'),
    ("storage/migrations/sqlite.cc", 'auto x = "CREATE TABLE t(x)";'),
    ("tests/queue/a_test.cc", 'db.run("SELECT 1");'),
    ("queue/a.cc", "\n" * 600),
    ("build/queue/a.h", "int x;"),
    ("api/a.cc", "Command command{.name = name};\nauto r = co_await submit(call, std::move(command));"),
    ("api/a.cc", "co_return co_await change(call, std::move(command), RenderDone{});"),
    ("api/a.cc", "co_await send(head, head_only ? std::string_view{} : body);\nPair p{a, b};"),
    ("api/a.cc", "co_await read(call, [&] { return Pair{a, b}; });"),
    ("api/a.cc", "co_await read(call, [&engine = call.engine, this](auto done) mutable { engine.go(Pair{a, b}, done); });"),
    ("api/a.cc", 'co_await send("{x}", {});  // as in f(Pair{a, b})'),
    ("api/a.cc", "if (co_await holds(key)) {\n  use(Pair{a, b});\n}\nreturn Pair{c, d};"),
    ("api/a.cc", "const auto first = items[0];\nco_await send(items[1], (f)(x));"),
    ("api/a.cc", "co_spawn(e, [self] { return self->run(); });\nco_await next();"),
]


def breaches_of(path, text):
    with tempfile.TemporaryDirectory() as root:
        os.makedirs(os.path.join(root, os.path.dirname(path)))
        with open(os.path.join(root, path), "w", encoding="utf-8") as file:
            file.write(text)
        return list(tidy.breaches(root))


class TidyTest(unittest.TestCase):
    def test_what_is_forbidden_is_found_where_it_stands(self):
        for path, text, message in FORBIDDEN:
            with self.subTest(path=path, text=text[:60]):
                found = breaches_of(path, text)
                self.assertEqual(len(found), 1, found)
                self.assertIn(message, found[0])
                self.assertTrue(found[0].startswith(path + ":"), found[0])

    def test_what_is_allowed_is_let_be(self):
        for path, text in ALLOWED:
            with self.subTest(path=path, text=text[:60]):
                self.assertEqual(breaches_of(path, text), [])

    def test_the_table_of_rooms_is_the_build_s(self):
        root = os.path.join(os.path.dirname(os.path.abspath(__file__)), "..", "..")
        with open(os.path.join(root, "CMakeLists.txt"), encoding="utf-8") as file:
            rooms = re.findall(r"^sluice_room\((\w+)\s*(?:SEES ([\w ]+?))?(?: ROOT [^)]*)?\)", file.read(), re.M)
        self.assertEqual({name: set(sees.split()) for name, sees in rooms}, tidy.SEES)

    def test_a_breach_names_its_line(self):
        self.assertTrue(breaches_of("queue/a.cc", '\n\nrun("SELECT 1");')[0].startswith("queue/a.cc:3:"))


if __name__ == "__main__":
    unittest.main()
