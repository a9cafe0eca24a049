#!/usr/bin/env python3
"""Holds the house rules over the tree; prints each breach as file:line: what is wrong, what to do.

    tests/tidy/tidy.py [ROOT]

A rule that allows exceptions names the folders they may stand in; there, a comment on the line or the
one above says why: `// tidy: clock: measures the bench itself`.
"""
import os
import re
import sys

# Which rooms a room may include, beside itself. The same table as in CMakeLists.txt, all the way down.
SEES = {
    "base": set(),
    "storage": {"base"},
    "queue": {"base", "storage"},
    "workflows": {"base"},
    "orchestrator": {"base", "storage", "queue", "workflows"},
    "laboratory": {"base", "storage", "queue", "workflows", "orchestrator"},
    "api": {"base", "storage", "queue", "workflows", "orchestrator"},
    "outbound": {"base", "storage", "queue", "workflows", "orchestrator"},
    "clients": {"base"},
    "cli": {"base", "storage", "queue", "workflows", "orchestrator", "laboratory", "outbound", "api", "clients"},
}

# Headers of libraries, and the only places (folder/ or file) that may include them.
LIBRARIES = [
    (r"sqlite3\.h|libpq-fe\.h", ("storage/", "tests/storage/", "tests/support/", "examples/", "bench/"),
     "go through storage/storage.h"),
    (r"boost/(beast|asio).*", ("api/", "clients/cpp/", "tests/", "bench/"),
     "sockets belong to api/ and clients/cpp/"),
    (r"httplib\.h", ("outbound/http_call.cc", "cli/", "clients/", "tests/", "bench/"),
     "outgoing calls belong to outbound/http_call.cc"),
]

HEAVY = re.compile(r"(boost/beast|boost/asio|httplib\.h|CLI/|spdlog/)")
# Headers of tests are read by tests alone; those of api/ that other rooms read are named in API_FRONT, behind the
# others everything speaks to sockets.
INSIDE = ("tests/",)
API_FRONT = {"api/server.h", "api/limits.h", "api/stream_limits.h"}
INCLUDE = re.compile(r'^\s*#\s*include\s*([<"])([^>"]+)[>"]')
CLOCK = re.compile(r"\b(system_clock|steady_clock|high_resolution_clock)\s*::\s*now\b"
                   r"|\b(gettimeofday|clock_gettime)\s*\(")
SLEEP = re.compile(r"\b(sleep_for|sleep_until|usleep|nanosleep)\b")
SQL = re.compile(r'"(?:\w*\()?\s*(SELECT\s|INSERT\s+(OR|INTO)\b|UPDATE\s+\w+\s+SET\b|DELETE\s+FROM\b|REPLACE\s+INTO\b'
                 r"|WITH\s+(RECURSIVE\s+)?\w+\s*(\(|AS\b)"
                 r"|(CREATE|DROP|ALTER)\s+(TABLE|INDEX|UNIQUE|VIEW|TRIGGER)\b|PRAGMA\s|BEGIN\s+IMMEDIATE)")
# These open, configure and end transactions; storage/ cannot do without them.
SQL_CONTROL = {"PRAGMA", "BEGIN"}

# GCC 12 copies some temporaries of a co_await statement bit by bit (api/await.h). What holds nothing may stay.
AWAIT_HARMLESS = re.compile(r"(?:string_view|Render\w*)$")
AWAIT_ADVICE = "GCC 12 copies it bit by bit: give it a name first and move that (api/await.h)"

CODE = (".h", ".cc", ".py", ".js", ".mjs", ".ts", ".css", ".html", ".sql", ".cmake", ".sh")
LINES_MAX = 600
SKIPPED = {".git", "build", "node_modules", ".cache", "__pycache__", "demo-data"}


def tree(root):
    for folder, folders, names in os.walk(root):
        folders[:] = sorted(f for f in folders if f not in SKIPPED)
        for name in sorted(names):
            path = os.path.relpath(os.path.join(folder, name), root)
            if name.endswith(CODE) or os.path.dirname(path) == "scripts":
                yield path


def below(path, places):
    return any(path.startswith(p) if p.endswith("/") else path == p for p in places)


def waived(rule, lines, n, path, places):
    if not below(path, places):
        return False
    return any(re.search(rf"//\s*tidy: {rule}: \S", lines[i]) for i in (n - 1, n) if i >= 0)


def check_include(path, quote, header):
    room = path.split("/")[0]
    if room == "cmake":  # sets of headers that are compiled once; who includes what is judged where it does
        return
    target = header.split("/")[0]
    if quote == '"' and room in SEES and target in SEES and target != room and target not in SEES[room]:
        allowed = ", ".join(sorted(SEES[room])) or "no other room"
        yield f"{room}/ may not include {target}/ (it sees: {allowed}); turn the arrow round or move the code"
    for pattern, places, advice in LIBRARIES:
        if re.fullmatch(pattern, header) and not below(path, places):
            yield f"<{header}> may only be included in {', '.join(places)}; {advice}"
    if path.endswith(".h") and HEAVY.match(header) and not below(path, INSIDE) \
            and (room != "api" or path in API_FRONT):
        yield f"<{header}> is heavy and belongs in a .cc; declare forward or hide it behind a pointer"


def check_code(path, lines):
    in_tests = path.startswith("tests/")
    for n, line in enumerate(lines):
        found = INCLUDE.match(line)
        if found:
            for message in check_include(path, found.group(1), found.group(2)):
                yield n + 1, message
            continue
        code = line.split("//")[0]
        if CLOCK.search(code) and path != "base/clock.cc" and not waived(
                "clock", lines, n, path, ("tests/", "bench/", "cli/", "clients/")):
            yield n + 1, ("reads a clock; take a sluice::Clock as a parameter (base/clock.h). In tests/, bench/, cli/ "
                          "and clients/ a comment `// tidy: clock: why` allows it")
        if in_tests and SLEEP.search(code):
            yield n + 1, "a test sleeps; advance a VirtualClock or wait for a signal instead"
        sql = SQL.search(line) if not line.lstrip().startswith("//") else None
        if sql and not in_tests and not os.path.basename(path).endswith("statements.h") \
                and "/migrations/" not in path:
            keyword = sql.group(1).split()[0]
            if not (keyword in SQL_CONTROL and path.startswith("storage/")):
                yield n + 1, "SQL stands here; give it a name in the room's statements.h"
    if path.endswith(".h") and not any(line.startswith("#pragma once") for line in lines):
        yield 1, "no #pragma once; add it below the opening comment"


def blanked(text):
    """The same length, with comments and the contents of literals as spaces."""
    literal = re.compile(r'//[^\n]*|/\*.*?\*/|R"(\w*)\(.*?\)\1"|"(?:\\.|[^"\\\n])*"|\'(?:\\.|[^\'\\\n])+\'', re.S)

    def blank(found):
        # A digit's separator is no literal.
        if found.group(0)[0] == "'" and re.match(r"[0-9a-fA-F]", text[found.start() - 1:found.start()] or " "):
            return found.group(0)
        return re.sub(r"[^\n]", " ", found.group(0))

    return literal.sub(blank, text)


def matching(text, at):
    """The end of the bracket that opens at `at`."""
    depth = 0
    for n in range(at, len(text)):
        depth += (text[n] in "([{") - (text[n] in ")]}")
        if depth == 0:
            return n
    return len(text)


def awaiting_statements(text):
    """Where each statement with a co_await begins, and where it ends."""
    done = 0
    for found in re.finditer(r"\bco_await\b", text):
        if found.start() < done:
            continue
        before = [m.end() for m in re.finditer(r"[;{}:]\s*\n", text[done:found.start()])]
        begin = done + before[-1] if before else done
        at, depth = begin, 0
        while at < len(text):
            c = text[at]
            if c == "{" and depth <= 0 and re.search(r"\)\s*$", text[begin:at]) and not lambda_before(text, at):
                break  # if (co_await …) {
            if c in "([":
                depth += 1
            elif c in ")]":
                depth -= 1
            elif c == "{":
                at = matching(text, at)
            elif c == ";" and depth <= 0 and at > found.start():
                break
            at += 1
        done = at
        yield begin, at


def lambda_before(text, at):
    """Is the brace at `at` a lambda's body?"""
    head = re.search(r"\]\s*(\((?:[^()]|\([^()]*\))*\))?\s*(mutable)?\s*(noexcept)?\s*(->[^{};]*)?$", text[:at])
    return head is not None


def check_awaits(text):
    """A temporary with members, or a lambda that holds something, in a statement that awaits."""
    text = blanked(text)
    for begin, end in awaiting_statements(text):
        at = begin
        while at < end:
            c = text[at]
            close = matching(text, at) if c in "{[" else at
            if c == "{" and lambda_before(text, at):
                at = close  # A function of its own; what it awaits is looked at by itself.
            elif c == "{" and text[at + 1:close].strip():
                yield at, "a temporary made with braces in a statement that awaits; " + AWAIT_ADVICE
                at = close
            elif c == "{":
                name = re.search(r"([\w:]+)(<[^<>;{}]*>)?\s*$", text[begin:at])
                if name and not AWAIT_HARMLESS.search(name.group(1)):
                    yield at, "a temporary made with braces in a statement that awaits; " + AWAIT_ADVICE
                at = close
            elif c == "[" and re.match(r"\s*[({]", text[close + 1:]) and not re.search(r"[\w)\]]\s*$", text[begin:at]):
                for capture in text[at + 1:close].split(","):
                    if not re.match(r"\s*(&.*|this|)\s*$", capture, re.S):
                        yield at, "a lambda that holds something in a statement that awaits; " + AWAIT_ADVICE
                        break
                at = close
            at += 1


def check_file(root, path):
    with open(os.path.join(root, path), encoding="utf-8", errors="replace") as file:
        lines = file.read().split("\n")
    if lines and lines[-1] == "":
        lines.pop()
    if len(lines) > LINES_MAX:
        yield LINES_MAX + 1, f"{len(lines)} lines, at most {LINES_MAX}; look for the second noun and split"
    if path.endswith((".h", ".cc")):
        yield from check_code(path, lines)
        text = "\n".join(lines)
        for at, message in check_awaits(text):
            yield text.count("\n", 0, at) + 1, message


def breaches(root):
    for path in tree(root):
        for line, message in check_file(root, path):
            yield f"{path}:{line}: {message}"


def main():
    root = sys.argv[1] if len(sys.argv) > 1 else os.path.join(os.path.dirname(__file__), "..", "..")
    found = list(breaches(root))
    for breach in found:
        print(breach)
    return 1 if found else 0


if __name__ == "__main__":
    sys.exit(main())
