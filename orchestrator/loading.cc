// Finding a live frame, its documents and its run's facts again.
#include "orchestrator/engine_impl.h"
#include "orchestrator/statements.h"

namespace sluice::orchestrator {

std::optional<Live> Engine::Impl::load(Reader& reader, FrameId id) {
  Live live;
  if (auto stored = queues.stored(reader, MessageId{id.value})) {
    if (stored->owner.empty()) return std::nullopt;  // a bare message
    live.row = decode_frame(id, stored->owner);
    if (stored->state == queue::State::leased) {
      live.home.kind = Home::Kind::lease;
      const Lease* lease = queues.find_lease({MessageId{id.value}, stored->fence});
      SLUICE_CHECK(lease != nullptr, "the lease of a leased message");
      live.home.lease = *lease;
    } else {
      live.home.kind = Home::Kind::message;
    }
    live.home.message = std::move(*stored);
    return live;
  }
  auto q = reader.query(sql::find_frame, id);
  if (!q.step()) return std::nullopt;
  live.row = decode_frame(id, q.blob(4));
  live.home.kind = Home::Kind::frame;
  live.home.since = WallTime{q.int64(1)};
  return live;
}

Doc Engine::Impl::load_doc(Reader& reader, DocRef ref) {
  SLUICE_CHECK(bool{ref}, "where a document is stored");
  auto q = reader.query(sql::log_docs, ref.seq);
  if (!q.step())
    throw storage::StorageError(storage::Fault::corrupt, "log row " + std::to_string(ref.seq) +
                                                             " is missing; a live frame needs it");
  Doc doc = Doc::from_text(doc_of(q.blob(0), q.blob(1), ref.slot));
  doc.set_ref(ref);
  return doc;
}

RunFacts Engine::Impl::facts(Reader& reader, const FrameRow& row, Version& version) {
  RunFacts about;
  about.id = row.run;
  about.workflow = version.workflow->name;
  about.version = version.number;
  if (!version.uses_context) return about;
  std::int64_t first_seq = 0;
  {
    auto q = reader.query(sql::run_facts, row.run);
    SLUICE_CHECK(q.step(), "the run of a frame");
    about.name = q.is_null(4) ? to_string(row.run) : std::string(q.text(4));
    first_seq = q.int64(5);
    about.started_at = WallTime{q.int64(6)};
    about.redrives = static_cast<std::uint32_t>(q.int64(8));
  }
  about.input = row.last_seq == 0 ? row.frame.input : load_doc(reader, {first_seq, 0});
  return about;
}

}  // namespace sluice::orchestrator
