"""WebSocket that is broken: the upgrade, the frames, what the frames say."""
import contextlib
import json

import wire
from wire import BINARY, CLOSE, PING, PONG, TEXT, frame

KEY = "dGhlIHNhbXBsZSBub25jZQ=="
HELLO = {"op": "hello", "version": 1, "worker": "hostile"}


def broken_upgrades(port, faults):
    head = "GET /v1/stream HTTP/1.1\r\nHost: x\r\n"
    whole = {"Upgrade": "websocket", "Connection": "Upgrade", "Sec-WebSocket-Key": KEY, "Sec-WebSocket-Version": "13"}
    for change in ({"Upgrade": None}, {"Upgrade": "h2c"}, {"Connection": None}, {"Connection": "close"},
                   {"Sec-WebSocket-Key": None}, {"Sec-WebSocket-Key": "short"}, {"Sec-WebSocket-Key": "!" * 5000},
                   {"Sec-WebSocket-Version": None}, {"Sec-WebSocket-Version": "99"}, {"Sec-WebSocket-Version": "x"},
                   {"Origin": "http://elsewhere.example"}, {"Origin": "null"}):
        fields = {name: value for name, value in {**whole, **change}.items() if value is not None}
        request = head + "".join(f"{name}: {value}\r\n" for name, value in fields.items()) + "\r\n"
        try:
            received = wire.exchange(port, request.encode(), shut=True)
            for status, _, _ in wire.answers_in(received):
                # A key is the client's own matter: RFC 6455 does not ask the server to look at its length.
                faults.expect(400 <= status < 500 or status == 101 and "Sec-WebSocket-Key" in change,
                              f"upgrade with {change}: {status}")
        except TimeoutError:
            faults.add(f"upgrade with {change}: neither an answer nor a close")
        except ValueError as failure:
            faults.add(f"upgrade with {change}: {failure}")
    request = head + "".join(f"{name}: {value}\r\n" for name, value in whole.items()) + "\r\n"
    received = wire.exchange(port, request.encode() + frame("too early"), shut=True)
    faults.expect(received.startswith(b"HTTP/1.1 400 "), f"frames before the answer: {received[:200]!r}")


def closes(port, name, data, codes, faults, hello=True):
    """The connection ends with one of the codes; None is an end without a close frame."""
    stream = wire.Stream(port, timeout=8)
    with contextlib.closing(stream):
        try:
            if hello:
                stream.send(HELLO)
                first = stream.messages()[0]
                if first["op"] != "welcome":
                    faults.add(f"{name}: no welcome: {first}")
                    return
            stream.send_bytes(data)
            code = stream.close_code()
        except TimeoutError:
            faults.add(f"{name}: not closed; sent {data[:60]!r}")
            return
        except ConnectionError:
            code = None
        faults.expect(code in codes, f"{name}: expected one of {codes}, found {code}")


def broken_frames(port, faults):
    text = json.dumps(HELLO)
    ping = json.dumps({"op": "ping", "ref": 1})
    for hello in (False, True):
        for name, data, codes in (
                ("not masked", frame(text, masked=False), (1002, None)),
                ("2^63 bytes", frame("x", length=(1 << 63) + 5), (1002, 1009, None)),
                ("2^62 bytes", frame("x", length=1 << 62), (1009, None)),
                ("2 MiB announced", frame("x", length=2 << 20), (1009, None)),
                ("2 MiB sent", frame(b" " * (2 << 20)), (1009, None)),
                ("reserved bits", frame(text, reserved=4), (1002, None)),
                ("reserved kind", frame(text, kind=3), (1002, None)),
                ("reserved control", frame(text, kind=0xB), (1002, None)),
                ("a continuation of nothing", frame(text, kind=0), (1002, None)),
                ("text in a text", frame(text[:5], fin=False) + frame(text[5:]), (1002, None)),
                ("a ping in pieces", frame("x", kind=PING, fin=False), (1002, None)),
                ("a ping of 126 bytes", frame("x" * 126, kind=PING), (1002, None)),
                ("a close of one byte", frame("x", kind=CLOSE), (1002, 1005, 1007, None)),
                ("a close with code 5", frame(b"\x00\x05", kind=CLOSE), (1002, 1005, None)),
                ("a close of bad text", frame(b"\x03\xe8\xff\xff", kind=CLOSE), (1002, 1007, None)),
                ("binary", frame(text, kind=BINARY), (1003,)),
                ("invalid UTF-8", frame(b'{"op":"\xff"}'), (1007, None)),
                ("invalid UTF-8 in pieces", frame(b'{"op":"\xc3', fin=False) + frame(b'"}', kind=0), (1007, None)),
                ("no JSON", frame("hello?"), (1007,)),
                ("nothing", frame(""), (1007,)),
                ("10,000 deep", frame("[" * 10_000), (1007, 1008)),
                ("10,000 deep and closed", frame("[" * 10_000 + "]" * 10_000), (1007, 1008)),
                ("a deep ref", frame('{"op":"ping","ref":' + '{"a":' * 5_000 + "1" + "}" * 5_001), (1007, 1008)),
                ("1,001 messages", frame("[" + ",".join([ping] * 1001) + "]"), (1008,)),
                ("noise", bytes(range(256)) * 16, (1002, 1009, None))):
            closes(port, name + (" after hello" if hello else ""), data, codes, faults, hello)
    for first in (ping, json.dumps({"op": "subscribe", "ref": 1, "queue": "work", "credit": 1}), "{}", "5", "[1]",
                  json.dumps({"op": "hello", "version": 2, "worker": "x"}),
                  json.dumps({"op": "hello", "version": 1, "worker": ""}),
                  json.dumps({"op": "hello", "version": 1, "worker": "x" * 200}),
                  json.dumps({"op": "hello", "version": 1, "worker": "x", "session": 5})):
        closes(port, f"first is {first[:60]}", frame(first), (1007, 1008), faults, hello=False)
    # A message in ten thousand fragments, with pings between them, is a message like another.
    pieces = frame(text[:1], fin=False) + b"".join(frame(b" ", kind=0, fin=False) + frame("p", kind=PING)
                                                   for _ in range(500)) + frame(text[1:], kind=0)
    stream = wire.Stream(port)
    with contextlib.closing(stream):
        stream.send_bytes(pieces)
        answer = stream.messages()
        while not answer:
            answer = stream.messages()
        faults.expect(answer[0]["op"] == "welcome", f"hello in fragments: {answer[0]}")


def too_many_subscriptions(port, faults):
    """One connection serves a bounded number of queues; what is beyond it is refused, and the rest go on."""
    stream = wire.Stream(port, timeout=20)
    with contextlib.closing(stream):
        stream.send(HELLO)
        stream.send([{"op": "subscribe", "ref": n, "queue": f"many-{n}", "credit": 1} for n in range(1000)])
        stream.send([{"op": "subscribe", "ref": 1000, "queue": "one too many", "credit": 1}, {"op": "ping", "ref": 1001}])
        answers = []
        try:
            while not answers or answers[-1].get("ref") != 1001:
                answers += [answer for answer in stream.messages() if "ref" in answer]
        except (ConnectionError, TimeoutError) as failure:
            faults.add(f"1,001 subscriptions: {failure} after {len(answers)} answers")
            return
        refused = [answer["ref"] for answer in answers if answer["op"] == "error"]
        faults.expect(refused == [1000], f"1,001 subscriptions: expected the last refused, found {refused}")


FIELDS = {
    "subscribe": {"queue": "other", "credit": 1},
    "credit": {"queue": "other", "credit": 1},
    "unsubscribe": {"queue": "other"},
    "complete": {"token": "t", "output": 1},
    "fail": {"token": "t", "error": "E", "cause": "c", "delay_seconds": 1.0},
    "heartbeat": {"token": "t", "lease_seconds": 5.0},
    "release": {"token": "t", "delay_seconds": 1.0},
    "start": {"workflow": "work", "input": 1, "name": "n", "priority": 1, "not_before": "2026-01-31T12:00:00Z",
              "labels": {"a": "b"}, "version": 1},
    "send": {"queue": "other", "messages": [{"body": 1}]},
}
ANY_JSON = ("output", "input")
WRONG = {str: [5, True, [], {}], float: ["x", True, [], {}, -1, 1e300], int: ["x", 1.5, [], {}, 1 << 63, -1, 1e300], list: ["x", 5, {}, [], [5], [[]]],
         dict: ["x", 5, [], {"a": 5}, {"a": None}]}


def wrong_operations(port, faults):
    """Each wrong member is refused by name, in order, and the connection goes on."""
    messages, places = [], []

    def ask(message, place):
        messages.append({**message, "ref": len(messages)})
        places.append(place)

    for op, fields in FIELDS.items():
        for name, value in fields.items():
            if name not in ANY_JSON:
                for wrong in WRONG[type(value)]:
                    ask({"op": op, **fields, name: wrong}, f"/{name}")
        ask({"op": op, **fields, "no_such": 1}, "/no_such")
        ask({"op": op}, "/")
    for name in ("priority", "delay_seconds", "headers", "dedup_id", "expires_seconds"):
        for wrong in ([[]], [{}] if name != "headers" else [5]):
            ask({"op": "send", "queue": "other", "messages": [{"body": 1}, {"body": 1, name: wrong[0]}]},
                f"/messages/1/{name}")
    ask({"op": "compleat"}, "/op")
    ask({"op": 5}, "/op")
    ask({}, "/op")
    stream = wire.Stream(port)
    with contextlib.closing(stream):
        stream.send(HELLO)
        stream.send(messages)
        stream.send({"op": "ping", "ref": 99_999})
        answers = []
        try:
            while not answers or answers[-1].get("ref") != 99_999:
                answers += [answer for answer in stream.messages() if answer["op"] in ("ok", "error")]
        except (ConnectionError, TimeoutError) as failure:
            faults.add(f"wrong operations: {failure} after {len(answers)} of {len(messages)} answers")
            return
    faults.expect(len(answers) == len(messages) + 1, f"{len(messages) + 1} requests, {len(answers)} answers")
    for message, place, answer in zip(messages, places, answers):
        said = json.dumps(message)[:160]
        faults.expect(answer.get("ref") == message["ref"], f"{said}: answered {answer}")
        found = [error["pointer"] for error in answer.get("errors", [])]
        faults.expect(answer["op"] == "error" and any(one.startswith(place) for one in found),
                      f"{said}: expected {place} to be named, found {answer}")


SEEDS = [json.dumps({"op": op, "ref": 1, **fields}).encode() for op, fields in FIELDS.items()] + [
    b'[{"op":"ping","ref":1},{"op":"ping","ref":2}]', b'{"op":"revoked","token":"t"}', b'{"op":"bye"}']


def mutated_frames(port, chance, faults, count):
    """Frames with a few bytes changed, outside and inside: an answer or a close, and a server that lives."""
    for _ in range(count):
        stream = wire.Stream(port, timeout=8)
        with contextlib.closing(stream):
            try:
                stream.send(HELLO)
                for _ in range(chance.randint(1, 8)):
                    payload = bytearray(chance.choice(SEEDS))
                    for _ in range(chance.randint(0, 4)):
                        payload[chance.randrange(len(payload))] = chance.randrange(256)
                    data = bytearray(frame(bytes(payload), kind=chance.choice([TEXT] * 8 + [0, PING, PONG])))
                    if chance.random() < 0.2:
                        data[chance.randrange(min(6, len(data)))] ^= 1 << chance.randrange(8)
                    stream.send_bytes(bytes(data))
                stream.send_bytes(frame(b"\x03\xe8", kind=CLOSE))
                # A frame whose changed length swallows the close is cut by the end of sending.
                stream.peer.shutdown(1)
                stream.close_code()
            except TimeoutError:
                faults.add("mutated frames: not closed")
            except OSError:
                pass
