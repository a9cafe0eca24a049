// The audit log.
#include "api/answers.h"
#include "api/router.h"

namespace sluice::api {
namespace {

using namespace orchestrator;

asio::awaitable<Response> list_audit(Call& call) {
  const AuditFilter filter{.kind = call.query.text("kind"),
                           .target = call.query.text("target"),
                           .since = call.query.time("since"),
                           .until = call.query.time("until")};
  const auto page = co_await read(call, [&] {
    return call.context.inspector.audit(filter, page_limit(call), call.query.integer("cursor"));
  });
  co_return json(
      200, render_page(page.items, page.next, [](std::string& out, const AuditRecord& record) {
        Object object(out);
        object.integer("id", record.id);
        object.time("at", record.at);
        object.text("principal", record.principal);
        object.text("kind", record.kind);
        object.text("target", record.target);
        object.text_if("reason", record.reason);
        object.raw("detail", record.detail);
      }));
}

}  // namespace

std::vector<Route> audit_routes() {
  using Kind = Parameter::Kind;
  return {
      {.method = Method::get,
       .path = "/v1/audit",
       .handler = list_audit,
       .operation = "listAudit",
       .tag = "audit",
       .summary = "What operators changed, newest first",
       .query = with_page({{"kind", Kind::text, "run.cancel; or run, for all done to runs"},
                           {"target", Kind::text, "run:ID, queue:NAME, workflow:NAME"},
                           {"since", Kind::time, "at this time or later"},
                           {"until", Kind::time, "before this time"}},
                          Kind::integer),
       .answers = {{200, "a page; with `next` it may be short, or empty", "AuditPage"}}},
  };
}

}  // namespace sluice::api
