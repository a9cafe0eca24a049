"""HTTP that is broken: framing, headers, targets, bodies that are no JSON."""
import json

import wire


def problem_of(body):
    """A problem document, or ValueError."""
    problem = json.loads(body)
    for member, kind in (("type", str), ("title", str), ("status", int), ("detail", str), ("code", str)):
        if not isinstance(problem.get(member), kind) or problem[member] == "":
            raise ValueError(f"no {member} in {problem}")
    return problem


def check(port, name, request, statuses, faults, shut=True):
    """`statuses`: what may be answered; None among them: closed without an answer."""
    try:
        received = wire.exchange(port, request, shut=shut)
    except TimeoutError:
        faults.add(f"{name}: neither an answer nor a close; sent {request[:120]!r}")
        return
    try:
        answers = wire.answers_in(received)
        found = [status for status, _, _ in answers if status != 100] or [None]
        faults.expect(all(status in statuses for status in found), f"{name}: expected {statuses}, found {found}; "
                                                                   f"{received[:300]!r}")
        for status, headers, body in answers:
            if status >= 400:
                faults.expect(headers.get("content-type") == "application/problem+json",
                              f"{name}: {status} with {headers.get('content-type')}")
                problem = problem_of(body)
                faults.expect(problem["status"] == status, f"{name}: {status} says {problem['status']}")
    except ValueError as failure:
        faults.add(f"{name}: {failure}; sent {request[:120]!r}, got {received[:300]!r}")


def post(body, path="/v1/queues/work/messages", headers=""):
    if isinstance(body, str):
        body = body.encode()
    return (f"POST {path} HTTP/1.1\r\nHost: x\r\nConnection: close\r\n{headers}"
            f"Content-Length: {len(body)}\r\n\r\n").encode() + body


def chunked(body, path="/v1/queues/work/messages", headers=""):
    return (f"POST {path} HTTP/1.1\r\nHost: x\r\nConnection: close\r\n{headers}"
            "Transfer-Encoding: chunked\r\n\r\n").encode() + body


def get(path, headers="", version="HTTP/1.1"):
    target = path if isinstance(path, bytes) else path.encode()
    return b"GET " + target + f" {version}\r\nHost: x\r\nConnection: close\r\n{headers}\r\n".encode()


def broken_requests(port, faults):
    def expect(name, request, *statuses, shut=True):
        check(port, name, request, statuses, faults, shut)

    message = '{"messages":[{"body":%s}]}'
    one = b"13\r\n" + b'{"messages":[{"body' + b"\r\n" + b"5\r\n" + b'":1}]' + b"\r\n1\r\n}\r\n"

    # ---- the request line and headers ----
    expect("no HTTP", b"\x16\x03\x01\x02\x00\x01\x00\x01\xfc\x03\x03" + bytes(range(256)), 400)
    expect("a line of noise", b"\r\n\r\n\x00\x00\x00\r\n\r\n", 400, None)
    expect("HTTP/0.9", b"GET /healthz\r\n\r\n", 400)
    expect("HTTP/2.0", get("/healthz", version="HTTP/2.0"), 400)
    expect("HTTP/2 preface", b"PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n", 400)
    expect("no Host", b"GET /healthz HTTP/1.1\r\nConnection: close\r\n\r\n", 400)
    expect("two Hosts", get("/healthz", "Host: y\r\n"), 400)
    expect("unknown method", get("/healthz").replace(b"GET", b"BREW"), 405)
    expect("CONNECT", b"CONNECT example.org:443 HTTP/1.1\r\nHost: x\r\nConnection: close\r\n\r\n", 400, 404, 405)
    expect("asterisk", b"OPTIONS * HTTP/1.1\r\nHost: x\r\nConnection: close\r\n\r\n", 400, 404, 405)
    expect("wrong method", get("/v1/check"), 405)
    expect("a header of 1 MiB", get("/healthz", f"X: {'y' * (1 << 20)}\r\n"), 431)
    expect("10,000 headers", get("/healthz", "".join(f"X-{n}: y\r\n" for n in range(10_000))), 431)
    expect("a header without an end", b"GET /healthz HTTP/1.1\r\nX: " + b"y" * (64 << 10), 431)
    expect("a target of 64 KiB", get("/v1/" + "a" * (64 << 10)), 414, 431)
    expect("a folded header", get("/healthz", "X: a\r\n b\r\n"), 200, 400)
    expect("a space before the colon", get("/healthz", "X : a\r\n"), 400)
    expect("NUL in a header", get("/healthz", "X: a\x00b\r\n"), 400)
    expect("a bare CR", b"GET /healthz HTTP/1.1\rHost: x\r\r", 400, None)
    expect("expectation", post("{}", headers="Expect: the-best\r\n"), 417)
    for escape in (b"%", b"%zz", b"%ff", b"%00", b"%c0%80", b"%ed%a0%80", b"\xff\xfe", b"\xc3"):
        expect(f"path {escape!r}", get(b"/v1/workflows/" + escape), 400)
        expect(f"query {escape!r}", get(b"/v1/runs?workflow=" + escape), 400, 422)
    expect("65 parameters", get("/v1/runs?" + "&".join(["workflow=a"] * 65)), 422)
    expect("a parameter twice", get("/v1/runs?limit=1&limit=2"), 422)
    expect("a path that climbs", get("/v1/../../etc/passwd"), 404)
    expect("a name of 8 KiB", get("/v1/workflows/" + "n" * 8192), 404, 422)
    expect("bad cursor", get("/v1/runs?cursor=%22%27;--"), 422, 400)
    expect("pipelined", get("/healthz").replace(b"close", b"keep-alive") * 200 + get("/healthz"), 200)

    # ---- lengths and chunks ----
    for length in ("-1", "+5", "0x10", "1e3", "abc", "", "5 5", "5, 6", str(1 << 64), "9" * 400):
        request = f"POST /v1/check HTTP/1.1\r\nHost: x\r\nConnection: close\r\nContent-Length: {length}\r\n\r\n12345"
        expect(f"Content-Length {length[:30]!r}", request.encode(), 400, 413)
    expect("two lengths", b"POST /v1/check HTTP/1.1\r\nHost: x\r\nContent-Length: 2\r\nContent-Length: 3\r\n\r\n{}}", 400)
    expect("length and chunks", b"POST /v1/check HTTP/1.1\r\nHost: x\r\nContent-Length: 5\r\n"
                                b"Transfer-Encoding: chunked\r\n\r\n2\r\n{}\r\n0\r\n\r\n", 400)
    expect("unknown coding", b"POST /v1/check HTTP/1.1\r\nHost: x\r\nTransfer-Encoding: gzip\r\n\r\n{}", 400, 411, 501)
    for size in (10 << 30, (1 << 63) - 1):
        request = f"POST /v1/messages:batch HTTP/1.1\r\nHost: x\r\nContent-Length: {size}\r\n\r\n[".encode()
        expect(f"{size} bytes announced", request, 413, shut=False)
    expect("a body cut short", b"POST /v1/check HTTP/1.1\r\nHost: x\r\nContent-Length: 50\r\n\r\n{\"rep", 400)
    expect("chunks", chunked(one + b"0\r\n\r\n"), 201)
    expect("chunks cut short", chunked(one), 400)
    expect("a chunk cut short", chunked(b"ff\r\n{"), 400)
    for bad in (b"zz\r\n{}\r\n0\r\n\r\n", b"-2\r\n{}\r\n0\r\n\r\n", b"ffffffffffffffff\r\n{}", b"1" * 100 + b"\r\n{}",
                b"2{}\r\n0\r\n\r\n", b"2\r\n{}XX0\r\n\r\n", b"2;" + b"e" * (1 << 17) + b"\r\n{}\r\n0\r\n\r\n", b"\r\n\r\n"):
        expect(f"chunk {bad[:24]!r}", chunked(bad), 400, 413, 431)
    expect("a trailer without an end", chunked(one + b"0\r\nX: " + b"y" * (1 << 17)), 400, 413, 431)
    chunks = (b"10000\r\n" + b" " * 65536 + b"\r\n") * 64 + b"0\r\n\r\n"
    expect("4 MiB of chunks", chunked(chunks, "/v1/check"), 413)

    # ---- bodies ----
    expect("no JSON", post("<xml/>"), 400)
    expect("nothing", post(""), 400, 422)
    expect("a byte order mark", post(b"\xef\xbb\xbf{}"), 400)
    for bad in (b"\xff", b"\xc0\x80", b"\xed\xa0\x80", b"\xf4\x90\x80\x80", b"\xe2\x82"):
        expect(f"invalid UTF-8 {bad!r}", post(b'{"messages":[{"body":"' + bad + b'"}]}'), 400)
    expect("a lone surrogate", post(message % '"\\ud800"'), 400)
    expect("a control character", post(b'{"messages":[{"body":"\x01"}]}'), 400)
    expect("a number beyond double", post(message % "1e999"), 400)
    expect("a number of 100,000 digits", post(message % ("1" * 100_000)), 400)
    expect("a small number of 100,000 digits", post(message % ("0." + "1" * 100_000)), 201)
    expect("10,000 deep", post(message % ("[" * 10_000 + "]" * 10_000)), 400, 422)
    expect("10,000 deep and open", post('{"a":' * 10_000), 400, 422)
    expect("500,000 brackets", post("[" * 500_000), 400, 422)
    expect("a name twice", post('{"messages":[{"body":1}],"messages":[{"body":2}]}'), 422)
    expect("an unknown name", post('{"messages":[{"body":1}],"mesages":1}'), 422)
    expect("1,000 unknown names", post(json.dumps({f"n{n}": n for n in range(1000)})), 422)
    expect("a name of 100,000 bytes", post(json.dumps({"n" * 100_000: 1})), 422)
    expect("an array", post("[]"), 422)
    expect("1,001 messages", post(json.dumps({"messages": [{"body": 1}] * 1001})), 422)
    expect("100,000 messages", post(json.dumps({"messages": [0] * 100_000})), 413, 422)
    expect("a definition 10,000 deep", post('{"States":' * 10_000, "/v1/workflows/deep").replace(b"POST", b"PUT"), 400, 422)
    deep = '{"StartAt":"A","States":{"A":{"Type":"Pass","Result":%s,"End":true}}}' % ("[" * 3000 + "]" * 3000)
    expect("a result 3,000 deep", post(deep, "/v1/workflows/deep").replace(b"POST", b"PUT"), 400, 422)
    rule = '{"Not":' * 120 + "{}" + "}" * 120
    choice = '{"StartAt":"A","States":{"A":{"Type":"Choice","Choices":[%s]}}}' % rule
    expect("a rule 120 deep", post(choice, "/v1/workflows/deep").replace(b"POST", b"PUT"), 400, 422)
    path = '{"StartAt":"A","States":{"A":{"Type":"Pass","InputPath":"%s","End":true}}}' % ("$" + "[0]" * 20_000)
    expect("a path of 60,000 bytes", post(path, "/v1/workflows/deep").replace(b"POST", b"PUT"), 201, 200, 422)
    nested = "States.Array(" * 2000 + ")" * 2000
    calls = '{"StartAt":"A","States":{"A":{"Type":"Pass","Parameters":{"x.$":"%s"},"End":true}}}' % nested
    expect("calls 2,000 deep", post(calls, "/v1/workflows/deep").replace(b"POST", b"PUT"), 422)
    for token in ("x", "A" * 4000, "t" + "0" * 60, "..%2f", "%F0%9F%92%A9"):
        expect(f"token {token[:20]}", post('{"output":1}', f"/v1/tasks/{token}/complete"), 404, 409, 422)


SEEDS = [
    post('{"messages":[{"body":{"a":[1,2.5e3,"x\\n\\u00e9",null,true]},"headers":{"h":"v"},"priority":3}]}'),
    post('{"input":{"n":1},"name":"n","labels":{"a":"b"}}', "/v1/workflows/work/runs"),
    post('{"max":3,"wait":0,"worker":"w"}', "/v1/queues/work/lease"),
    post('{"items":[{"op":"complete","token":"t","output":1}]}', "/v1/tasks:batch"),
    chunked(b'1b\r\n{"messages":[{"body":"abc"}\r\n2\r\n]}\r\n0\r\n\r\n'),
    get("/v1/runs?workflow=work&limit=5&label=a:b"),
]


def mutated_requests(port, chance, faults, count):
    """Well-formed requests with a few bytes changed: whatever comes of it, never a 500."""
    for _ in range(count):
        request = bytearray(chance.choice(SEEDS))
        for _ in range(chance.randint(1, 6)):
            at = chance.randrange(len(request))
            kind = chance.random()
            if kind < 0.4:
                request[at] = chance.randrange(256)
            elif kind < 0.6:
                del request[at:at + chance.randint(1, 8)]
            elif kind < 0.8:
                request[at:at] = chance.randbytes(chance.randint(1, 8))
            else:
                request[at:at] = request[at:at + 20]
        check(port, f"mutated {bytes(request)!r}", bytes(request),
              (None, 200, 201, 202, 400, 404, 405, 409, 413, 414, 417, 422, 426, 431, 501), faults)
