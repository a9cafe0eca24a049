"""A wrong value for every field of every operation in /openapi.json: the refusal must name it."""
import copy
import json
import urllib.parse

import wire

WRONG = {
    "string": [5, True, [], {}],
    "integer": ["5", 1.5, True, [], {}, 1e300, -(1 << 70), 1 << 63],
    "number": ["5", True, [], {}, -1e308],
    "boolean": ["true", 0, [], {}],
    "array": ["x", 5, {}, True],
    "object": ["x", 5, [], True],
}
PARAMETERS = {"integer": ["x", "", "1.5", "9" * 30, "-1"], "number": ["x", "nan", "inf", "-1", "1e400", ""],
              "boolean": ["yes", "1", ""], "string": [""]}


def resolve(document, schema):
    while "$ref" in schema:
        schema = document["components"]["schemas"][schema["$ref"].rsplit("/", 1)[1]]
    return schema


def sample(document, schema):
    """A value that fits, of required members only."""
    schema = resolve(document, schema)
    if "enum" in schema:
        return schema["enum"][0]
    kind = schema.get("type")
    if kind == "object":
        return {name: sample(document, schema["properties"][name]) for name in schema.get("required", [])}
    if kind == "array":
        return [sample(document, schema["items"])] * schema.get("minItems", 0)
    if kind in ("integer", "number"):
        return schema.get("minimum", 1)
    if kind == "boolean":
        return False
    return "2026-01-31T12:00:00Z" if schema.get("format") == "date-time" else "x"


def wrong_fields(document, schema, whole, place=()):
    """Each (pointer, whole value with one place at fault)."""
    schema = resolve(document, schema)
    if schema.get("type") == "array" and "items" in schema:
        base = copy.deepcopy(whole)
        if not get(base, place):
            put(base, place, [sample(document, schema["items"])])
        yield from wrong_fields(document, schema["items"], base, place + (0,))
        return
    for name, inner in schema.get("properties", {}).items():
        inner = resolve(document, inner)
        here = place + (name,)
        values = list(WRONG.get(inner.get("type"), []))
        if "enum" in inner or inner.get("format") == "date-time":
            values.append("no such thing")
        if "minimum" in inner:
            values.append(inner["minimum"] - 1)
        if "maximum" in inner:
            values.append(inner["maximum"] + 1)
        for value in values:
            changed = copy.deepcopy(whole)
            put(changed, here, value)
            yield here, changed
        if name in schema.get("required", []):
            changed = copy.deepcopy(whole)
            del get(changed, place)[name]
            yield here, changed
        if inner.get("type") in ("object", "array") and ("properties" in inner or "items" in inner):
            base = copy.deepcopy(whole)
            put(base, here, sample(document, inner))
            yield from wrong_fields(document, inner, base, here)
    if schema.get("additionalProperties") is False:
        changed = copy.deepcopy(whole)
        get(changed, place)["no-such/na~me"] = 1
        yield place + ("no-such/na~me",), changed


def get(value, place):
    for step in place:
        value = value[step]
    return value


def put(value, place, new):
    get(value, place[:-1])[place[-1]] = new


def pointer(place):
    return "".join("/" + str(step).replace("~", "~0").replace("/", "~1") for step in place)


def wrong_values(port, document, run, letter, faults):
    """`run`, `letter`: ones that are there, so that only the value is at fault."""
    rest = wire.Rest(port)
    for path, operations in document["paths"].items():
        concrete = path.replace("{version}", "1").replace("{id}", letter if "dead-letters" in path else run)
        for name in ("name", "queue", "token"):
            concrete = concrete.replace("{" + name + "}", "work")
        for method, operation in operations.items():
            wrong_parameters(rest, method.upper(), concrete, operation, faults)
            content = operation.get("requestBody", {}).get("content", {})
            if content:
                wrong_body(rest, method.upper(), concrete, document, content["application/json"]["schema"], faults)
    rest.close()


def wrong_body(rest, method, path, document, schema, faults):
    shape = resolve(document, schema)
    whole = sample(document, schema)
    for value in (5, "x", [], None, True):
        refused(rest, method, path, value, "", faults)
    if not shape.get("properties") and shape.get("additionalProperties") is not False:
        return  # A definition, or settings: its members are not the document's to tell.
    for place, value in wrong_fields(document, schema, whole):
        refused(rest, method, path, value, pointer(place), faults)


def refused(rest, method, path, value, place, faults):
    said = json.dumps(value)
    status, kind, text = rest.raw(method, path, said.encode())
    answer = json.loads(text) if "json" in kind else text
    what = f"{method} {path} {said[:160]}"
    if not isinstance(answer, dict) or status not in (400, 422):
        faults.expect(False, f"{what}: expected 422 naming {place!r}, found {status} {answer}")
        return
    places = [error.get("pointer", "") for error in answer.get("errors", [])]
    # Of a member that is itself a container, a place inside is as good.
    faults.expect(not place or any(found.startswith(place) for found in places),
                  f"{what}: expected {place!r} to be named, found {places}: {answer}")


def wrong_parameters(rest, method, path, operation, faults):
    for parameter in operation.get("parameters", []) + [{"name": "no_such", "in": "query", "schema": {"enum": ["x"]}}]:
        if parameter["in"] != "query":
            continue
        schema = parameter["schema"]
        schema = schema.get("items", schema)
        values = list(PARAMETERS.get(schema.get("type"), []))
        if "enum" in schema or schema.get("format") == "date-time":
            values += ["no such thing", "", "\U0001f4a9", "'; DROP TABLE run; --"]
        for value in values:
            query = urllib.parse.urlencode({parameter["name"]: value})
            status, answer = rest.call(method, f"{path}?{query}", {} if method != "GET" else None)
            names = [error.get("parameter") for error in answer.get("errors", [])] if isinstance(answer, dict) else []
            faults.expect(status == 422 and parameter["name"] in names,
                          f"{method} {path}?{query}: expected 422 naming it, found {status} {str(answer)[:300]}")
