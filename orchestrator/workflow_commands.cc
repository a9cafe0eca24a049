// Deploying, pausing and deleting workflows.
#include <openssl/evp.h>

#include "orchestrator/engine_impl.h"

namespace sluice::orchestrator {
std::string sha256_hex(std::string_view text) {
  unsigned char digest[32];
  unsigned int size = 0;
  const int done = EVP_Digest(text.data(), text.size(), digest, &size, EVP_sha256(), nullptr);
  SLUICE_CHECK(done == 1 && size == 32, "SHA-256");
  static constexpr char digits[] = "0123456789abcdef";
  std::string hex;
  for (const unsigned char byte : digest) {
    hex.push_back(digits[byte >> 4]);
    hex.push_back(digits[byte & 15]);
  }
  return hex;
}

Result<DeployWorkflow::Reply> Engine::Impl::apply(Transaction& tx, const DeployWorkflow& c) {
  const Now time = now();
  // Settings belong to the queue or the event: two definitions that disagree are refused, unless an
  // operator has spoken.
  Error disagreement =
      make_error(Errc::invalid_definition,
                 "the definition disagrees with another about the settings of a queue or an event");
  for (const auto& [name, settings] : c.machine->events) {
    const auto* given = event_lines.given_settings(name);
    if (given == nullptr || *given == settings) continue;
    for (const auto& [id, other] : catalog.all()) {
      if (other->deleted || other->name == c.name) continue;
      const auto& machine = catalog.machine(tx, *catalog.version(*other, other->latest));
      for (const auto& [other_event, other_settings] : machine.events)
        if (other_event == name && !(other_settings == settings))
          disagreement.problems.push_back(
              {"/Events/" + pointer_token(name),
               "workflow \"" + other->name + "\" says " +
                   to_text(workflows::to_json(other_settings)) + ", this one " +
                   to_text(workflows::to_json(settings)) + "; make them agree"});
    }
  }
  for (const auto& [name, settings] : c.machine->queues) {
    const queue::Queue* q = queues.find(name);
    if (q == nullptr || q->operator_settings || !q->definition_settings) continue;
    const std::string wanted = to_text(workflows::to_json(settings));
    if (wanted == *q->definition_settings) continue;
    for (const auto& [id, other] : catalog.all()) {
      if (other->deleted || other->name == c.name) continue;
      const auto& machine = catalog.machine(tx, *catalog.version(*other, other->latest));
      for (const auto& [other_queue, other_settings] : machine.queues)
        if (other_queue == name && !(other_settings == settings))
          disagreement.problems.push_back(
              {"/Queues/" + pointer_token(name),
               "workflow \"" + other->name + "\" says " +
                   to_text(workflows::to_json(other_settings)) + ", this one " + wanted +
                   "; make them agree, or set the queue by PUT /v1/queues/" + name});
    }
  }
  if (!disagreement.problems.empty()) return disagreement;
  if (const auto room = check_triggers(c.name, c.machine->triggers); !room) return room.error();

  if (const auto kept = check_schedules(c.name, c.machine->schedules); !kept) return kept.error();

  const std::string hash = sha256_hex(c.canonical_text);
  const auto deployed = catalog.deploy(tx, c.name, c.canonical_text, hash, c.machine, time);
  if (deployed.created) {
    for (const auto& name : c.machine->stage_queues) queues.get_or_make(tx, name, time);
    for (const auto& [name, settings] : c.machine->queues) {
      queue::Queue& q = queues.get_or_make(tx, name, time);
      const std::optional<std::string> json = to_text(workflows::to_json(settings));
      queues.set_definition_settings(tx, q, json, in_force(q.operator_settings, json));
    }
    for (const auto& [name, settings] : c.machine->events)
      event_lines.put_settings(tx, name, settings);
    put_triggers(tx, *deployed.version->workflow, c.machine->triggers);
    put_schedules(tx, *deployed.version->workflow, c.machine->schedules);
  }
  return DeployWorkflow::Reply{deployed.version->number, hash, deployed.created};
}

Result<Unit> Engine::Impl::apply(Transaction& tx, const DeleteWorkflow& c) {
  Workflow* workflow = catalog.find(c.name);
  if (workflow == nullptr || workflow->deleted)
    return make_error(Errc::not_found, "no workflow \"" + c.name + "\"");
  catalog.erase(tx, *workflow);
  put_triggers(tx, *workflow, {});
  put_schedules(tx, *workflow, {});
  return Unit{};
}

Result<Unit> Engine::Impl::apply(Transaction& tx, const PauseWorkflow& c) {
  Workflow* workflow = catalog.find(c.name);
  // One that is deleted may still be resumed: its live runs go on.
  if (workflow == nullptr || (workflow->deleted && c.paused))
    return make_error(Errc::not_found, "no workflow \"" + c.name + "\"");
  if (!c.paused) resumed_by_hand(tx, std::nullopt, workflow->id);
  catalog.pause(tx, *workflow, c.paused, now());
  queues.pause_lane(workflow->id.value, c.paused);
  return Unit{};
}

}  // namespace sluice::orchestrator
