// The schemas of dead letters, bulk jobs and the audit log.
#include "api/schemas.h"

namespace sluice::api {
namespace {

// clang-format off
constexpr Schema letters[] = {
    {"AuditPage",
     R"({"type":"object","properties":{"items":{"type":"array","items":{"type":"object",)"
     R"("properties":{"id":{"type":"integer"},"at":{"type":"string","format":"date-time"},)"
     R"("principal":{"type":"string"},"kind":{"type":"string"},"target":{"type":"string"},)"
     R"("reason":{"type":"string"},"detail":{"type":"object"}},)"
     R"("required":["id","at","principal","kind","target","detail"]}},)"
     R"("next":{"type":["string","null"]}},"required":["items","next"]})"
    },
    {"DeadLetterSummary",
     R"({"type":"object","properties":{"id":{"type":"string",)"
     R"("description":"13 characters of base 32"},"kind":{"type":"string",)"
     R"("enum":["stage","state","queue","binding","compensation"]},"topic":{"type":"string"},)"
     R"("binding":{"type":"string"},"key":{"type":"string"},)"
     R"("status":{"type":"string","enum":["OPEN","REPLAYED","DROPPED","COMPENSATED"]},)"
     R"("queue":{"type":"string"},)"
     R"("run":{"type":"string","description":"13 characters of base 32"},)"
     R"("workflow":{"type":"string"},"state":{"type":"string"},"error":{"type":"string"},)"
     R"("cause":{"type":"string"},"at":{"type":"string","format":"date-time"},)"
     R"("attempts":{"type":"integer"},"replays":{"type":"integer",)"
     R"("description":"how often the same work was replayed before"},"set_aside":{"type":"boolean",)"
     R"("description":"its queue's MaxReplays has been reached"}},)"
     R"("required":["id","kind","status","error","cause","at",)"
     R"("attempts"]})"
    },
    {"DeadLetterPage",
     R"({"type":"object","properties":{"items":{"type":"array",)"
     R"("items":{"$ref":"#/components/schemas/DeadLetterEntry"}},"next":{"type":["string","null"]},)"
     R"("complete":{"type":"boolean","description":"of groups: false where there were too many to)"
     R"( count, and only the newest are counted"}},)"
     R"("required":["items","next"]})"
    },
    {"DeadLetterEntry",
     R"({"anyOf":[{"$ref":"#/components/schemas/DeadLetterSummary"},{"type":"object",)"
     R"("properties":{"error":{"type":"string"},"queue":{"type":"string"},)"
     R"("count":{"type":"integer"},"first":{"type":"string","format":"date-time"},)"
     R"("last":{"type":"string","format":"date-time"},"example":{"type":"string",)"
     R"("description":"the newest"}},"required":["error","queue","count","first","last",)"
     R"("example"]}]})"
    },
    {"DeadLetter",
     R"({"type":"object","properties":{"id":{"type":"string",)"
     R"("description":"13 characters of base 32"},"kind":{"type":"string",)"
     R"("enum":["stage","state","queue","binding","compensation"]},"topic":{"type":"string"},)"
     R"("binding":{"type":"string"},"key":{"type":"string"},)"
     R"("status":{"type":"string","enum":["OPEN","REPLAYED","DROPPED","COMPENSATED"]},)"
     R"("queue":{"type":"string"},)"
     R"("run":{"type":"string","description":"13 characters of base 32"},)"
     R"("workflow":{"type":"string"},"state":{"type":"string"},"error":{"type":"string"},)"
     R"("cause":{"type":"string"},"at":{"type":"string","format":"date-time"},)"
     R"("attempts":{"type":"integer"},"replays":{"type":"integer"},"set_aside":{"type":"boolean"},)"
     R"("body":{"description":"any JSON value"},)"
     R"("headers":{"type":"object","additionalProperties":{"type":"string"},"maxProperties":64},)"
     R"("attempt_list":{"type":"array","items":{"type":"object"}},"reason":{"type":"string"}},)"
     R"("required":["id","kind","status","error","cause","at","attempts","headers","attempt_list"]})"
    },
    {"ReplayDeadLetter",
     R"({"type":"object","properties":{"reason":{"type":"string"},)"
     R"("input":{"description":"in place of what it had"},)"
     R"("merge":{"description":"JSON Merge Patch of what it had"},"patch":{"type":"array",)"
     R"("items":{"type":"object"},"description":"JSON Patch of what it had"},)"
     R"("force":{"type":"boolean","description":"although it is set aside"},)"
     R"("from":{"type":"string","description":"of a run: the state where it goes on"},)"
     R"("version":{"type":"integer","minimum":1,"description":"of a run: the version it goes on with"}},)"
     R"("additionalProperties":false})"
    },
    {"DropDeadLetter",
     R"({"type":"object","properties":{"reason":{"type":"string"}},"required":["reason"],)"
     R"("additionalProperties":false})"
    },
    {"ReplayDeadLetters",
     R"({"type":"object","properties":{"reason":{"type":"string"},)"
     R"("filter":{"type":"object",)"
     R"("properties":{"error":{"type":"string"}},"additionalProperties":false},)"
     R"("limit":{"type":"integer","minimum":1,"maximum":1000}},"additionalProperties":false})"
    },
    {"StartJob",
     R"({"type":"object","properties":{"verb":{"type":"string","enum":["replay","drop","cancel",)"
     R"("pause","resume","redrive","move"]},"filter":{"type":"object",)"
     R"("description":"of dead letters: queue, workflow, run, error, kind, since, until, label, q;)"
     R"( of runs: workflow, status, state, label, q, started_after"},"ids":{"type":"array",)"
     R"("items":{"type":"string"},"minItems":1,"maxItems":1000},"dry_run":{"type":"boolean"},)"
     R"("limit":{"type":"integer","minimum":1},"rate_per_second":{"type":"number",)"
     R"("minimum":0.001},"max_in_flight":{"type":"integer","minimum":1},)"
     R"("stop_on_failures":{"type":"object","properties":{"count":{"type":"integer","minimum":1,)"
     R"("maximum":100},"share":{"type":"number","minimum":0.01,"maximum":1}},)"
     R"("additionalProperties":false},"merge":{"description":"JSON Merge Patch of each input"},)"
     R"("patch":{"type":"array","items":{"type":"object"},)"
     R"("description":"JSON Patch of each input"},"from":{"type":"string"},)"
     R"("version":{"type":"integer","minimum":1},"cause":{"type":"string"},)"
     R"("compensate":{"type":"boolean"},"reason":{"type":"string","maxLength":1000}},)"
     R"("required":["verb"],"additionalProperties":false})"
    },
    {"JobStarted",
     R"({"type":"object","properties":{"id":{"type":"string"}},"required":["id"]})"
    },
    {"JobPlan",
     R"({"type":"object","properties":{"dry_run":{"type":"boolean"},"verb":{"type":"string"},)"
     R"("matched":{"type":"integer"},"complete":{"type":"boolean",)"
     R"("description":"false: there are more than one answer looks at"},)"
     R"("set_aside":{"type":"integer"},"refused":{"type":"integer",)"
     R"("description":"of a move: runs that cannot"},"examples":{"type":"array","items":{"type":"object",)"
     R"("properties":{"id":{"type":"string"},"what":{"type":"string"},)"
     R"("refusal":{"type":"string","description":"why it would not be done"},)"
     R"("input":{"description":"as it would be edited"}},"required":["id","what"]}}},)"
     R"("required":["dry_run","verb","matched","complete","examples"]})"
    },
    {"Job",
     R"({"type":"object","description":"matched = to_come + done + failed + skipped + refused; done =)"
     R"( in_flight + went_on + failed_again, where outcomes are followed",)"
     R"("properties":{"id":{"type":"string"},"verb":{"type":"string"},"status":{"type":"string",)"
     R"("enum":["RUNNING","DONE","STOPPED"]},"stopped_because":{"type":"string"},)"
     R"("collecting":{"type":"boolean"},"matched":{"type":"integer"},"to_come":{"type":"integer"},)"
     R"("done":{"type":"integer"},"failed":{"type":"integer"},"skipped":{"type":"integer"},)"
     R"("refused":{"type":"integer"},"in_flight":{"type":"integer"},"went_on":{"type":"integer"},)"
     R"("failed_again":{"type":"integer"},"problems":{"type":"array","items":{"type":"object",)"
     R"("properties":{"id":{"type":"string"},"outcome":{"type":"string"},)"
     R"("detail":{"type":"string"}},"required":["id","outcome","detail"]}},)"
     R"("request":{"type":"object"},"principal":{"type":"string"},"reason":{"type":"string"},)"
     R"("created_at":{"type":"string","format":"date-time"},"ended_at":{"type":"string",)"
     R"("format":"date-time"}},"required":["id","verb","status","collecting","matched","to_come",)"
     R"("done","failed","skipped","refused","problems","request","principal","created_at"]})"
    },
    {"JobPage",
     R"({"type":"object","properties":{"items":{"type":"array",)"
     R"("items":{"$ref":"#/components/schemas/Job"}},"next":{"type":["string","null"]}},)"
     R"("required":["items","next"]})"
    },
    {"Replayed",
     R"({"type":"object","properties":{"replayed":{"type":"integer"},"refused":{"type":"integer"},)"
     R"("remaining":{"type":"integer"}},"required":["replayed","refused","remaining"]})"
    },
};
// clang-format on

}  // namespace

std::span<const Schema> letter_schemas() { return letters; }

}  // namespace sluice::api
