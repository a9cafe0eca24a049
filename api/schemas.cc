#include "api/schemas.h"

#include <vector>

namespace sluice::api {
namespace {

// clang-format off
constexpr Schema all[] = {
    {"Problem",
     R"({"description":"RFC 9457; each of errors has one of pointer, parameter, header",)"
     R"("type":"object","properties":{"type":{"type":"string"},"title":{"type":"string"},)"
     R"("status":{"type":"integer"},"detail":{"type":"string"},"code":{"type":"string"},)"
     R"("errors":{"type":"array","items":{"type":"object","properties":{"pointer":{"type":"string"},)"
     R"("parameter":{"type":"string"},"header":{"type":"string"},"detail":{"type":"string"}},)"
     R"("required":["detail"]}}},"required":["type","title","status","detail","code"]})"
    },
    {"Verb",
     R"({"type":"object","properties":{"reason":{"type":"string","maxLength":1000,)"
     R"("description":"why, for the audit log"}},"additionalProperties":false})"
    },
    {"Done",
     R"({"type":"object"})"
    },
    {"Definition",
     R"({"type":"object",)"
     R"("description":"a workflow definition in the Amazon States Language and Sluice's fields"})"
    },
    {"Deployed",
     R"({"type":"object","properties":{"name":{"type":"string"},"version":{"type":"integer"},)"
     R"("hash":{"type":"string"},"dry_run":{"type":"boolean"},"warnings":{"type":"array",)"
     R"("items":{"type":"object","properties":{"pointer":{"type":"string"},)"
     R"("detail":{"type":"string"}},"required":["pointer","detail"]}},)"
     R"("plan":{"$ref":"#/components/schemas/MovePlan"}},"required":["name",)"
     R"("warnings"]})"
    },
    {"WorkflowSummary",
     R"({"type":"object","properties":{"name":{"type":"string"},"version":{"type":"integer"},)"
     R"("hash":{"type":"string"},"deployed_at":{"type":"string","format":"date-time"},)"
     R"("paused":{"type":"boolean"}},"required":["name","version","hash","deployed_at","paused"]})"
    },
    {"WorkflowPage",
     R"({"type":"object","properties":{"items":{"type":"array",)"
     R"("items":{"$ref":"#/components/schemas/WorkflowSummary"}},"next":{"type":["string","null"]}},)"
     R"("required":["items","next"]})"
    },
    {"Workflow",
     R"({"type":"object","properties":{"name":{"type":"string"},"version":{"type":"integer"},)"
     R"("hash":{"type":"string"},"deployed_at":{"type":"string","format":"date-time"},)"
     R"("definition":{"$ref":"#/components/schemas/Definition"}},"required":["name","version",)"
     R"("hash","deployed_at","definition"]})"
    },
    {"Graph",
     R"({"type":"object","properties":{"comment":{"type":"string"},"start":{"type":"string"},)"
     R"("nodes":{"type":"array","items":{"type":"object"}},)"
     R"("edges":{"type":"array","items":{"type":"object"}}},"required":["start","nodes","edges"]})"
    },
    {"Version",
     R"({"type":"object","properties":{"version":{"type":"integer"},"hash":{"type":"string"},)"
     R"("deployed_at":{"type":"string","format":"date-time"}},"required":["version","hash",)"
     R"("deployed_at"]})"
    },
    {"VersionPage",
     R"({"type":"object","properties":{"items":{"type":"array",)"
     R"("items":{"$ref":"#/components/schemas/Version"}},"next":{"type":["string","null"]}},)"
     R"("required":["items","next"]})"
    },
    {"StartRun",
     R"({"type":"object","properties":{"input":{"description":"any JSON value"},)"
     R"("name":{"type":"string","description":"unique for the workflow while the run is kept"},)"
     R"("priority":{"type":"integer","minimum":0,"maximum":9},"not_before":{"type":"string",)"
     R"("format":"date-time"},"labels":{"type":"object","additionalProperties":{"type":"string"},)"
     R"("maxProperties":64},"version":{"type":"integer","minimum":1}},"required":["input"],)"
     R"("additionalProperties":false})"
    },
    {"StartRunBatch",
     R"({"type":"object","properties":{"items":{"type":"array",)"
     R"("items":{"$ref":"#/components/schemas/StartRun"},"minItems":1,"maxItems":1000}},)"
     R"("required":["items"],"additionalProperties":false})"
    },
    {"Started",
     R"({"type":"object","properties":{"id":{"type":"string",)"
     R"("description":"13 characters of base 32"}},"required":["id"]})"
    },
    {"StartedOrEnded",
     R"({"anyOf":[{"$ref":"#/components/schemas/Started"},{"$ref":"#/components/schemas/Run"}]})"
    },
    {"BatchResult",
     R"({"type":"object","properties":{"items":{"type":"array","items":{"anyOf":[{"type":"object",)"
     R"("properties":{"status":{"type":"integer"},"id":{"type":"string",)"
     R"("description":"13 characters of base 32"}},"required":["status","id"]},)"
     R"({"$ref":"#/components/schemas/Problem"}]}}},"required":["items"]})"
    },
    {"WaitingFor",
     R"({"type":"object","properties":{"frame":{"type":"string",)"
     R"("description":"13 characters of base 32"},"state":{"type":"string"},)"
     R"("kind":{"type":"string"},"name":{"type":"string"},"since":{"type":"string",)"
     R"("format":"date-time"},"sentence":{"type":"string"},"detail":{"type":"object"}},)"
     R"("required":["frame","state","kind","name","since","sentence","detail"]})"
    },
    {"RunSummary",
     R"({"type":"object","properties":{"id":{"type":"string",)"
     R"("description":"13 characters of base 32"},"workflow":{"type":"string"},)"
     R"("version":{"type":"integer"},"name":{"type":"string"},"status":{"type":"string",)"
     R"("enum":["RUNNING","SUCCEEDED","FAILED","TIMED_OUT","ABORTED","PAUSED","COMPENSATING",)"
     R"("COMPENSATED"]},"started_at":{"type":"string","format":"date-time"},)"
     R"("ended_at":{"type":"string","format":"date-time"},"error":{"type":"string"},)"
     R"("labels":{"type":"object","additionalProperties":{"type":"string"},"maxProperties":64}},)"
     R"("required":["id","workflow","version","status","started_at","labels"]})"
    },
    {"RunPage",
     R"({"type":"object","properties":{"items":{"type":"array",)"
     R"("items":{"$ref":"#/components/schemas/RunSummary"}},"next":{"type":["string","null"]}},)"
     R"("required":["items","next"]})"
    },
    {"Run",
     R"({"type":"object","properties":{"id":{"type":"string",)"
     R"("description":"13 characters of base 32"},"workflow":{"type":"string"},)"
     R"("version":{"type":"integer"},"name":{"type":"string"},"status":{"type":"string",)"
     R"("enum":["RUNNING","SUCCEEDED","FAILED","TIMED_OUT","ABORTED","PAUSED","COMPENSATING",)"
     R"("COMPENSATED"]},"started_at":{"type":"string","format":"date-time"},)"
     R"("ended_at":{"type":"string","format":"date-time"},"error":{"type":"string"},)"
     R"("labels":{"type":"object","additionalProperties":{"type":"string"},"maxProperties":64},)"
     R"("input":{"description":"any JSON value"},"output":{"description":"any JSON value"},)"
     R"("cause":{"type":"string"},"not_before":{"type":"string","format":"date-time"},)"
     R"("redrives":{"type":"integer"},"dead_letter":{"type":"string",)"
     R"("description":"13 characters of base 32"},"compensations":{"type":"array",)"
     R"("description":"stages that can be undone, the last completed first; the first 100",)"
     R"("items":{"type":"object","properties":{"state":{"type":"string"},"frame":{"type":"string"},)"
     R"("status":{"type":"string","enum":["PENDING","RUNNING","COMPENSATED","FAILED"]}},)"
     R"("required":["state","frame","status"]}},"waiting_for":{"type":"array",)"
     R"("items":{"$ref":"#/components/schemas/WaitingFor"}}},"required":["id","workflow","version",)"
     R"("status","started_at","labels","input","redrives","waiting_for"]})"
    },
    {"Why",
     R"({"type":"object","properties":{"waiting_for":{"type":"array",)"
     R"("items":{"$ref":"#/components/schemas/WaitingFor"}}},"required":["waiting_for"]})"
    },
    {"Event",
     R"({"type":"object","properties":{"id":{"type":"integer"},"type":{"type":"string"},)"
     R"("at":{"type":"string","format":"date-time"},"state":{"type":"string"},)"
     R"("frame":{"type":"string","description":"13 characters of base 32"},)"
     R"("detail":{"type":"object"}},"required":["id","type","at","frame","detail"]})"
    },
    {"HistoryPage",
     R"({"type":"object","properties":{"items":{"type":"array",)"
     R"("items":{"$ref":"#/components/schemas/Event"}},"next":{"type":["string","null"]}},)"
     R"("required":["items","next"]})"
    },
    {"CancelRun",
     R"({"type":"object","properties":{"reason":{"type":"string"},)"
     R"("cause":{"type":"string"},"compensate":{"type":"boolean",)"
     R"("description":"undo first what was completed"}},"additionalProperties":false})"
    },
    {"RedriveRun",
     R"({"type":"object","properties":{"reason":{"type":"string"},)"
     R"("from":{"type":"string",)"
     R"("description":"a state; default: where it failed"},"input":{"description":"any JSON value"},)"
     R"("merge":{"description":"JSON Merge Patch of what it had"},"patch":{"type":"array",)"
     R"("items":{"type":"object"},"description":"JSON Patch of what it had"},)"
     R"("version":{"type":"integer","minimum":1}},"additionalProperties":false})"
    },
    {"MoveRun",
     R"({"type":"object","properties":{"reason":{"type":"string","maxLength":1000},)"
     R"("version":{"type":"integer","minimum":1,"description":"default: the latest"}},)"
     R"("additionalProperties":false})"
    },
    {"RunMoved",
     R"({"type":"object","properties":{"version":{"type":"integer"},"before":{"type":"integer",)"
     R"("description":"the version until now"},"restarted":{"type":"integer",)"
     R"("description":"branches whose state begins its work again"}},)"
     R"("required":["version","before","restarted"]})"
    },
    {"MovePlan",
     R"({"type":"object","description":"what moving the live runs would do; can_move has those that)"
     R"( restart; live = there + can_move + cannot_move","properties":{"version":{"type":"integer"},)"
     R"("deployed":{"type":"boolean"},"live":{"type":"integer"},"there":{"type":"integer",)"
     R"("description":"on that version already"},"can_move":{"type":"integer"},)"
     R"("restarts":{"type":"integer","description":"begin their state's work again"},)"
     R"("cannot_move":{"type":"integer"},"complete":{"type":"boolean",)"
     R"("description":"false: there are more than one answer looks at"},"groups":{"type":"array",)"
     R"("items":{"type":"object","properties":{"version":{"type":"integer"},)"
     R"("state":{"type":"string"},"verdict":{"type":"string","enum":["moves","restarts","stays"]},)"
     R"("why":{"type":"string"},"runs":{"type":"integer"},"example":{"type":"string"}},)"
     R"("required":["version","verdict","runs","example"]}}},"required":["version","deployed",)"
     R"("live","there","can_move","restarts","cannot_move","complete","groups"]})"
    },
    {"SkipStage",
     R"({"type":"object","properties":{"reason":{"type":"string"},)"
     R"("frame":{"type":"string",)"
     R"("description":"13 characters of base 32"},"output":{"description":"any JSON value"}},)"
     R"("required":["output"],"additionalProperties":false})"
    },
    {"FailStage",
     R"({"type":"object","properties":{"reason":{"type":"string"},)"
     R"("frame":{"type":"string",)"
     R"("description":"13 characters of base 32"},"error":{"type":"string"},)"
     R"("cause":{"type":"string"}},"required":["error"],"additionalProperties":false})"
    },
    {"QueueSettings",
     R"({"type":"object","description":"the fields of a definition's Queues: LeaseSeconds,)"
     R"( MaxDeliveries, Delivery, AgeingSeconds, RatePerSecond, Burst, Concurrency, OrderOnDead,)"
     R"( Capacity, WhenFull, MaxWaiting, DedupSeconds, DedupBy, DeadLetters, Breaker"})"
    },
    {"Queue",
     R"({"type":"object","properties":{"name":{"type":"string"},"ready":{"type":"integer"},)"
     R"("delayed":{"type":"integer"},"blocked":{"type":"integer"},"leased":{"type":"integer"},)"
     R"("held":{"type":"integer"},"dead":{"type":"integer"},"depth":{"type":"integer",)"
     R"("description":"ready, delayed, blocked and leased together"},)"
     R"("oldest_age_seconds":{"type":["number","null"]},"consumers":{"type":"integer"},)"
     R"("paused":{"type":"boolean"},"waiting":{"type":"integer",)"
     R"("description":"stages that wait for room in it"},"breaker":{"type":"object","description":)"
     R"("while it is not closed","properties":{"state":{"enum":["open","half_open"]},)"
     R"("since":{"type":"string","format":"date-time"},"reason":{"type":"string"},)"
     R"("probe_at":{"type":"string","format":"date-time"}},"required":["state","since","reason"]},)"
     R"("next_token_at":{"type":["string","null"],)"
     R"("description":"while RatePerSecond holds messages back"},"since_start":{"type":"object",)"
     R"("properties":{"sent":{"type":"integer"},"acknowledged":{"type":"integer"},)"
     R"("failed":{"type":"integer"},"redelivered":{"type":"integer"}},"required":["sent",)"
     R"("acknowledged","failed","redelivered"]},)"
     R"("settings":{"$ref":"#/components/schemas/QueueSettings"},)"
     R"("settings_by_operator":{"type":"boolean"}},"required":["name","ready","delayed","blocked",)"
     R"("leased","held","dead","depth","oldest_age_seconds","consumers","paused",)"
     R"("waiting","next_token_at","since_start",)"
     R"("settings","settings_by_operator"]})"
    },
    {"QueuePage",
     R"({"type":"object","properties":{"items":{"type":"array",)"
     R"("items":{"$ref":"#/components/schemas/Queue"}},"next":{"type":["string","null"]}},)"
     R"("required":["items","next"]})"
    },
    {"Purged",
     R"({"type":"object","properties":{"removed":{"type":"integer"}},"required":["removed"]})"
    },
    {"Message",
     R"({"type":"object","properties":{"body":{"description":"any JSON value"},)"
     R"("headers":{"type":"object","additionalProperties":{"type":"string"},"maxProperties":64},)"
     R"("priority":{"type":"integer","minimum":0,"maximum":9,"default":4},)"
     R"("delay_seconds":{"type":"number","minimum":0},"expires_seconds":{"type":"number",)"
     R"("minimum":0},"dedup_id":{"type":"string"},"order_key":{"type":"string",)"
     R"("minLength":1,"maxLength":512}},"required":["body"],"additionalProperties":false})"
    },
    {"SendMessages",
     R"({"type":"object","properties":{"messages":{"type":"array",)"
     R"("items":{"$ref":"#/components/schemas/Message"},"minItems":1,"maxItems":1000}},)"
     R"("required":["messages"],"additionalProperties":false})"
    },
    {"RoutedMessage",
     R"({"type":"object","properties":{"queue":{"type":"string"},)"
     R"("body":{"description":"any JSON value"},"headers":{"type":"object",)"
     R"("additionalProperties":{"type":"string"},"maxProperties":64},"priority":{"type":"integer",)"
     R"("minimum":0,"maximum":9,"default":4},"delay_seconds":{"type":"number","minimum":0},)"
     R"("expires_seconds":{"type":"number","minimum":0},"dedup_id":{"type":"string"},)"
     R"("order_key":{"type":"string","minLength":1,"maxLength":512}},)"
     R"("required":["queue","body"],"additionalProperties":false})"
    },
    {"SendMessageBatch",
     R"({"type":"object","properties":{"messages":{"type":"array",)"
     R"("items":{"anyOf":[{"$ref":"#/components/schemas/RoutedMessage"},)"
     R"({"$ref":"#/components/schemas/TopicMessage"}]},"minItems":1,"maxItems":1000}},)"
     R"("required":["messages"],"additionalProperties":false})"
    },
    {"Sent",
     R"({"type":"object","properties":{"items":{"type":"array","items":{"type":"object",)"
     R"("properties":{"status":{"type":"integer"},"id":{"type":"string",)"
     R"("description":"13 characters of base 32"},"duplicate":{"type":"boolean"}},)"
     R"("required":["status","id"]}}},"required":["items"]})"
    },
    {"BatchSent",
     R"({"type":"object","properties":{"items":{"type":"array","items":{"anyOf":[)"
     R"({"type":"object","properties":{"status":{"type":"integer"},"id":{"type":"string"},)"
     R"("duplicate":{"type":"boolean"}},"required":["status","id"]},)"
     R"({"$ref":"#/components/schemas/PublishedMessage"}]}}},"required":["items"]})"
    },
    {"Publication",
     R"({"type":"object","properties":{"key":{"type":"string","maxLength":255,"default":"",)"
     R"("description":"the routing key: words with dots between them"},)"
     R"("body":{"description":"any JSON value"},"headers":{"type":"object",)"
     R"("additionalProperties":{"type":"string"},"maxProperties":64},"priority":{"type":"integer",)"
     R"("minimum":0,"maximum":9,"default":4}},"required":["body"],"additionalProperties":false})"
    },
    {"TopicMessage",
     R"({"type":"object","properties":{"topic":{"type":"string"},"key":{"type":"string",)"
     R"("maxLength":255,"default":""},"body":{"description":"any JSON value"},)"
     R"("headers":{"type":"object","additionalProperties":{"type":"string"},"maxProperties":64},)"
     R"("priority":{"type":"integer","minimum":0,"maximum":9,"default":4}},)"
     R"("required":["topic","body"],"additionalProperties":false})"
    },
    {"PublishMessages",
     R"({"type":"object","properties":{"messages":{"type":"array",)"
     R"("items":{"$ref":"#/components/schemas/Publication"},"minItems":1,"maxItems":1000}},)"
     R"("required":["messages"],"additionalProperties":false})"
    },
    {"PublishedMessage",
     R"({"type":"object","properties":{"status":{"type":"integer"},"routed":{"type":"integer",)"
     R"("description":"targets that it went to; 0: no binding takes it, it is dropped"},)"
     R"("dead_letters":{"type":"integer","description":"of these, could not take it"},)"
     R"("queued":{"type":"boolean",)"
     R"("description":"nothing is bound to the topic: it stands in the queue topic:NAME"}},)"
     R"("required":["status","routed","dead_letters"]})"
    },
    {"Published",
     R"({"type":"object","properties":{"routed":{"type":"integer"},"items":{"type":"array",)"
     R"("items":{"$ref":"#/components/schemas/PublishedMessage"}}},"required":["routed","items"]})"
    },
    {"PutBinding",
     R"({"type":"object","properties":{"pattern":{"type":"string","maxLength":255,)"
     R"("description":"of routing keys: * is one word, # any number of words"},)"
     R"("filter":{"type":"string","description":"{% JSONata over the body %}"},"to":{"type":"string",)"
     R"("description":"queue:NAME, workflow:NAME or event:NAME"},"event_key":{"type":"string",)"
     R"("description":"of an event: a text, or {% JSONata over the body %}"}},)"
     R"("required":["pattern","to"],"additionalProperties":false})"
    },
    {"Binding",
     R"({"type":"object","properties":{"topic":{"type":"string"},"name":{"type":"string"},)"
     R"("pattern":{"type":"string"},"filter":{"type":"string"},"to":{"type":"string"},)"
     R"("event_key":{"type":"string"},"origin":{"type":"string","enum":["operator","workflow"]},)"
     R"("workflow":{"type":"string","description":"whose trigger it is"}},)"
     R"("required":["topic","name","pattern","to","origin"]})"
    },
    {"Topic",
     R"({"type":"object","properties":{"name":{"type":"string"},"queue":{"type":"string",)"
     R"("description":"nothing is bound: where its messages stand"},"bindings":{"type":"array",)"
     R"("items":{"$ref":"#/components/schemas/Binding"}}},"required":["name","bindings"]})"
    },
    {"TopicPage",
     R"({"type":"object","properties":{"items":{"type":"array","items":{"type":"object",)"
     R"("properties":{"name":{"type":"string"},"bindings":{"type":"integer"}},)"
     R"("required":["name","bindings"]}},"next":{"type":["string","null"]}},)"
     R"("required":["items","next"]})"
    },
    {"Schedule",
     R"({"type":"object","properties":{"id":{"type":"string"},"workflow":{"type":"string"},)"
     R"("schedule":{"type":"string","description":"a cron expression"},"time_zone":{"type":"string"},)"
     R"("every_seconds":{"type":"integer"},"at":{"type":"string"},"overlap":{"type":"string",)"
     R"("enum":["Skip","Queue","CancelPrevious","Allow"]},"catch_up_seconds":{"type":"integer"},)"
     R"("input":{"description":"of its runs; absent: the schedule and the occurrence's time"},)"
     R"("paused":{"type":"boolean"},"next":{"type":"array","maxItems":10,"items":{"type":"string",)"
     R"("format":"date-time"},"description":"the first is past where it waits for a run's end"},)"
     R"("last_run":{"type":"string"},"started":{"type":"integer","description":"runs"},)"
     R"("skipped":{"type":"integer","description":"occurrences: too late, or a run was still live"},)"
     R"("problem":{"type":"string","description":"why it cannot run on this machine"}},)"
     R"("required":["id","workflow","overlap","catch_up_seconds","paused","next","started",)"
     R"("skipped"]})"
    },
    {"SchedulePage",
     R"({"type":"object","properties":{"items":{"type":"array",)"
     R"("items":{"$ref":"#/components/schemas/Schedule"}},"next":{"type":["string","null"]}},)"
     R"("required":["items","next"]})"
    },
    {"ScheduleRun",
     R"({"type":"object","properties":{"id":{"type":"string","description":"the run's"}},)"
     R"("required":["id"]})"
    },
    {"CounterPage",
     R"({"type":"object","properties":{"items":{"type":"array","items":{"type":"object",)"
     R"("properties":{"name":{"type":"string"},"value":{"type":"integer"},"waiting":{"type":"integer",)"
     R"("description":"at gates; counted up to 100000"}},"required":["name","value","waiting"]}},)"
     R"("next":{"type":["string","null"]}},"required":["items","next"]})"
    },
    {"AdjustCounter",
     R"({"type":"object","properties":{"add":{"type":"integer"},"value":{"type":"integer",)"
     R"("description":"instead of add"},"reason":{"type":"string","description":"or the header )"
     R"(Sluice-Reason"}},"additionalProperties":false})"
    },
    {"CounterAdjusted",
     R"({"type":"object","properties":{"value":{"type":"integer"},"before":{"type":"integer"}},)"
     R"("required":["value","before"]})"
    },
    {"LockPlace",
     R"({"type":"object","properties":{"run":{"type":"string"},"frame":{"type":"string"},)"
     R"("since":{"type":"string","format":"date-time"}},"required":["run","frame","since"]})"
    },
    {"LockPage",
     R"({"type":"object","properties":{"items":{"type":"array","items":{"type":"object",)"
     R"("properties":{"name":{"type":"string"},"permits":{"type":"integer"},"holders":{"type":"array",)"
     R"("items":{"$ref":"#/components/schemas/LockPlace"}},"waiting":{"type":"integer",)"
     R"("description":"counted up to 100000"},"line":{"type":"array","description":"the first who )"
     R"(wait, where one lock was asked for","items":{"$ref":"#/components/schemas/LockPlace"}}},)"
     R"("required":["name","permits","holders","waiting"]}},"next":{"type":["string","null"]}},)"
     R"("required":["items","next"]})"
    },
    {"ReleaseLock",
     R"({"type":"object","properties":{"run":{"type":"string","description":"only what this one )"
     R"(holds"},"reason":{"type":"string","description":"or the header Sluice-Reason"}},)"
     R"("additionalProperties":false})"
    },
    {"LockReleased",
     R"({"type":"object","properties":{"runs":{"type":"array","items":{"type":"string"}}},)"
     R"("required":["runs"]})"
    },
    {"PublishEvent",
     R"({"type":"object","properties":{"key":{"type":"string","maxLength":1024,"default":""},)"
     R"("body":{"description":"any JSON value: the result of the state that waits","default":{}}},)"
     R"("additionalProperties":false})"
    },
    {"EventPublished",
     R"({"type":"object","properties":{"id":{"type":"string"},"woken":{"type":"integer",)"
     R"("description":"frames that went on with it at once; where it is for all, others may follow"},)"
     R"("kept":{"type":"boolean","description":"for those who begin to wait later"}},)"
     R"("required":["id","woken","kept"]})"
    },
    {"KeptEventPage",
     R"({"type":"object","properties":{"items":{"type":"array","items":{"type":"object",)"
     R"("properties":{"id":{"type":"string"},"key":{"type":"string"},"body":{},)"
     R"("at":{"type":"string","format":"date-time"},"until":{"type":"string",)"
     R"("format":"date-time"}},"required":["id","key","body","at","until"]}},)"
     R"("next":{"type":["string","null"]}},"required":["items","next"]})"
    },
    {"EventWaiterPage",
     R"({"type":"object","properties":{"items":{"type":"array","items":{"type":"object",)"
     R"("properties":{"key":{"type":"string"},"run":{"type":"string"},"frame":{"type":"string"},)"
     R"("since":{"type":"string","format":"date-time"}},"required":["key","run","frame","since"]}},)"
     R"("next":{"type":["string","null"]}},"required":["items","next"]})"
    },
    {"PeekedMessage",
     R"({"type":"object","properties":{"id":{"type":"string",)"
     R"("description":"13 characters of base 32"},"status":{"type":"string","enum":["ready",)"
     R"("delayed","blocked","leased","held"]},"body":{"description":"any JSON value"},)"
     R"("headers":{"type":"object","additionalProperties":{"type":"string"},"maxProperties":64},)"
     R"("priority":{"type":"integer","minimum":0,"maximum":9},"attempt":{"type":"integer"},)"
     R"("sent_at":{"type":"string","format":"date-time"},"run":{"type":"string",)"
     R"("description":"13 characters of base 32"},"worker":{"type":"string"},)"
     R"("order_key":{"type":"string"}},"required":["id",)"
     R"("status","body","headers","priority","attempt","sent_at"]})"
    },
    {"MessagePage",
     R"({"type":"object","properties":{"items":{"type":"array",)"
     R"("items":{"$ref":"#/components/schemas/PeekedMessage"}},"next":{"type":["string","null"]}},)"
     R"("required":["items","next"]})"
    },
    {"Lease",
     R"({"type":"object","properties":{"max":{"type":"integer","minimum":1,"maximum":1000,)"
     R"("default":1},"wait":{"type":"number","minimum":0,"maximum":60},)"
     R"("lease_seconds":{"type":"number","minimum":0},"worker":{"type":"string"}},)"
     R"("additionalProperties":false})"
    },
    {"NextLease",
     R"({"type":"object","properties":{"queue":{"type":"string"},"max":{"type":"integer",)"
     R"("minimum":1,"maximum":1000,"default":1},"wait":{"type":"number","minimum":0,"maximum":60},)"
     R"("lease_seconds":{"type":"number","minimum":0},"worker":{"type":"string"}},)"
     R"("required":["queue"],"additionalProperties":false})"
    },
    {"Task",
     R"({"type":"object","properties":{"token":{"type":"string"},"id":{"type":"string",)"
     R"("description":"13 characters of base 32"},"queue":{"type":"string"},)"
     R"("body":{"description":"any JSON value"},"headers":{"type":"object",)"
     R"("additionalProperties":{"type":"string"},"maxProperties":64},"attempt":{"type":"integer"},)"
     R"("lease_until":{"type":"string","format":"date-time"},"run":{"type":"string",)"
     R"("description":"13 characters of base 32"},"workflow":{"type":"string"},)"
     R"("state":{"type":"string"},"idempotency_key":{"type":"string"}},"required":["token","id",)"
     R"("queue","body","headers","attempt","lease_until","idempotency_key"]})"
    },
    {"Tasks",
     R"({"type":"object","properties":{"tasks":{"type":"array",)"
     R"("items":{"$ref":"#/components/schemas/Task"}}},"required":[]})"
    },
    {"CompleteTask",
     R"({"type":"object","properties":{"output":{"description":"any JSON value"},)"
     R"("lease":{"$ref":"#/components/schemas/NextLease"}},"required":["output"],)"
     R"("additionalProperties":false})"
    },
    {"FailTask",
     R"({"type":"object","properties":{"error":{"type":"string"},"cause":{"type":"string"},)"
     R"("delay_seconds":{"type":"number","minimum":0}},"additionalProperties":false})"
    },
    {"HeartbeatTask",
     R"({"type":"object","properties":{"lease_seconds":{"type":"number","minimum":0}},)"
     R"("additionalProperties":false})"
    },
    {"Heartbeat",
     R"({"type":"object","properties":{"lease_until":{"type":"string","format":"date-time"}},)"
     R"("required":["lease_until"]})"
    },
    {"ReleaseTask",
     R"({"type":"object","properties":{"delay_seconds":{"type":"number","minimum":0}},)"
     R"("additionalProperties":false})"
    },
    {"TaskItem",
     R"({"type":"object","properties":{"op":{"type":"string","enum":["complete","fail","heartbeat",)"
     R"("release"]},"token":{"type":"string"},"output":{"description":"any JSON value"},)"
     R"("error":{"type":"string"},"cause":{"type":"string"},"delay_seconds":{"type":"number",)"
     R"("minimum":0},"lease_seconds":{"type":"number","minimum":0}},"required":["op","token"],)"
     R"("additionalProperties":false})"
    },
    {"TaskBatch",
     R"({"type":"object","properties":{"items":{"type":"array",)"
     R"("items":{"$ref":"#/components/schemas/TaskItem"},"minItems":1,"maxItems":1000},)"
     R"("lease":{"$ref":"#/components/schemas/NextLease"}},"required":["items"],)"
     R"("additionalProperties":false})"
    },
    {"TaskBatchResult",
     R"({"type":"object","properties":{"items":{"type":"array","items":{"anyOf":[{"type":"object",)"
     R"("properties":{"status":{"type":"integer"},"lease_until":{"type":"string",)"
     R"("format":"date-time"}},"required":["status"]},{"$ref":"#/components/schemas/Problem"}]}},)"
     R"("tasks":{"type":"array","items":{"$ref":"#/components/schemas/Task"}}},"required":["items"]})"
    },
    {"Check",
     R"({"type":"object","properties":{"repair":{"type":"boolean"}},"additionalProperties":false})"
    },
    {"CheckResult",
     R"({"type":"object","properties":{"ok":{"type":"boolean"},"findings":{"type":"array",)"
     R"("items":{"type":"object","properties":{"invariant":{"type":"string"},)"
     R"("detail":{"type":"string"},"repair":{"type":"string"}},"required":["invariant","detail",)"
     R"("repair"]}}},"required":["ok","findings"]})"
    },
};
// clang-format on

}  // namespace

std::span<const Schema> schemas() {
  static const std::vector<Schema> joined = [] {
    std::vector<Schema> list(std::begin(all), std::end(all));
    const auto letters = letter_schemas();
    list.insert(list.end(), letters.begin(), letters.end());
    return list;
  }();
  return joined;
}

}  // namespace sluice::api
