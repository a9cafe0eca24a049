"""Definitions with parts torn out, swapped and replaced; those that pass are run on inputs as odd."""
import copy
import json

import wire

DEFINITION = {
    "StartAt": "Shape",
    "TimeoutSeconds": 60,
    "Queues": {"odd": {"LeaseSeconds": 5, "MaxDeliveries": 2}},
    "States": {
        "Shape": {"Type": "Pass", "Parameters": {
            "a.$": "States.ArrayGetItem($.list, $.n)", "b.$": "States.Format('{}-{}', $.text, $$.Execution.Id)",
            "c.$": "States.MathAdd($.n, 1)", "d.$": "States.StringSplit($.text, ',')", "e.$": "$.list[1:3]",
            "f.$": "States.JsonMerge($.map, $.map, false)", "g.$": "States.Base64Encode($.text)"},
            "ResultPath": "$.shaped", "Next": "Choose"},
        "Choose": {"Type": "Choice", "Choices": [
            {"And": [{"Variable": "$.n", "NumericGreaterThan": 1}, {"Not": {"Variable": "$.text", "IsNull": True}}],
             "Next": "Wait"},
            {"Variable": "$.text", "StringMatches": "a*b*c*", "Next": "Work"},
            {"Variable": "$.shaped.c", "NumericEqualsPath": "$.n", "Next": "Stop"}], "Default": "Work"},
        "Wait": {"Type": "Wait", "SecondsPath": "$.n", "Next": "Work"},
        "Work": {"Type": "Task", "Resource": "queue:odd", "TimeoutSecondsPath": "$.x", "InputPath": "$.map",
                 "ResultSelector": {"r.$": "$.x"}, "ResultPath": "$.shaped.deep.er", "OutputPath": "$",
                 "Retry": [{"ErrorEquals": ["States.ALL"], "MaxAttempts": 1, "IntervalSeconds": 1, "BackoffRate": 1.5}],
                 "Catch": [{"ErrorEquals": ["States.ALL"], "ResultPath": "$.error", "Next": "Stop"}], "End": True},
        "Stop": {"Type": "Fail", "ErrorPath": "$.text", "CausePath": "States.JsonToString($.map)"},
    },
}
ODD = [None, True, 0, -1, 1, 1.5, 1e300, -1e300, 1 << 62, 1 << 63, -(1 << 63), "", "$", "$.", "$..*", "$[?(@.a)]", "$$.Task.Token",
       "$.list[-1]", "$.list[99999999999999999999]", "States.Array(", "States.ArrayRange(0, 999999999, 1)",
       "States.ArrayPartition($.list, 0)", "States.MathRandom(5, 1)", "States.Hash($.text, 'none')", "{}{}{}", "\\'", "\u0000",
       "x" * 300, "\U0001f4a9", [], {}, [[]], {"a": 1}, ["States.ALL", "x"], "Shape", "Work"]


def places(value, place=()):
    yield place
    if isinstance(value, dict):
        for name in value:
            yield from places(value[name], place + (name,))
    elif isinstance(value, list):
        for n in range(len(value)):
            yield from places(value[n], place + (n,))


def torn(value, chance):
    whole = [copy.deepcopy(value)]
    for _ in range(chance.randint(1, 3)):
        place = chance.choice([("root",) + p for p in places(whole[0])])[1:]
        if not place:
            continue
        parent = whole[0]
        for step in place[:-1]:
            parent = parent[step]
        kind = chance.random()
        if kind < 0.2:
            del parent[place[-1]]
        elif kind < 0.3 and isinstance(parent, dict):
            parent[chance.choice(["Extra", "x.$", "Type", "Next", ""])] = chance.choice(ODD)
        else:
            parent[place[-1]] = copy.deepcopy(chance.choice(ODD))
    return whole[0]


INPUT = {"n": 1, "text": "a,b,c", "list": [1, 2, 3], "map": {"x": 9}}


def torn_definitions(port, chance, faults, count):
    rest = wire.Rest(port)
    status, answer = rest.call("PUT", "/v1/workflows/odd", DEFINITION)
    faults.expect(status in (200, 201), f"the whole definition: expected a version, found {status} {answer}")
    for _ in range(count):
        definition = torn(DEFINITION, chance)
        said = json.dumps(definition)
        status, answer = rest.call("PUT", "/v1/workflows/odd", definition)
        faults.expect(status in (200, 201, 422) and (status != 422 or answer.get("errors")),
                      f"definition {said}: expected a version or its problems, found {status} {str(answer)[:300]}")
        if status == 422:
            continue
        value = chance.choice([INPUT, torn(INPUT, chance), torn(INPUT, chance)])
        status, answer = rest.call("POST", "/v1/workflows/odd/runs", {"input": value})
        faults.expect(status == 201, f"run of {said} on {json.dumps(value)}: expected 201, found {status} {answer}")
        _, leased = rest.call("POST", "/v1/queues/odd/lease", {"max": 5})
        for task in leased.get("tasks", []):
            result = {"output": chance.choice(ODD + [{"x": 1}])}
            status, answer = rest.call("POST", f"/v1/tasks/{task['token']}/complete", result)
            faults.expect(status in (200, 409), f"result {result} of {said}: expected 200, found {status} {answer}")
        if status == 200:
            rest.call("GET", f"/v1/workflows/odd/graph?format={chance.choice(['json', 'mermaid', 'dot'])}")
    rest.close()
