// What a worker has in hand, and what it still owes the server.
//
// Every task that was handed out is here until its answer was answered: first as work (its handler
// runs or will), then as an owed answer. So a new connection can say what is held, and owed answers
// can be sent again. The ledger writes messages and reads them; it knows no socket and no thread.
//
// Confined to the worker's connection thread.
#pragma once

#include <atomic>
#include <cstdint>
#include <map>
#include <memory>
#include <optional>
#include <string>
#include <string_view>
#include <unordered_map>
#include <vector>

#include "base/result.h"
#include "clients/worker.h"

namespace sluice::clients {

// A task that was handed out, until its handler has returned.
struct Assignment {
  Task task;
  std::shared_ptr<std::atomic<bool>> stop = std::make_shared<std::atomic<bool>>(false);
  std::optional<std::chrono::milliseconds> heartbeat;  // the beat it asks for
  std::atomic<bool> started{false};  // set by the pool; true forbids giving it back unworked
  bool revoked = false;
  bool lost = false;  // no longer ours: nothing is answered
};

class WorkerLedger {
 public:
  explicit WorkerLedger(std::string worker) : worker_(std::move(worker)) {}

  void serve(std::string queue, int credit) { credits_.emplace_back(std::move(queue), credit); }

  // ---- one connection ----
  std::string hello() const;
  // What a frame leads to. An Error where the server cannot be understood, or refuses to talk.
  struct Received {
    bool welcomed = false;
    std::vector<std::shared_ptr<Assignment>> tasks;  // to be worked on
    std::vector<std::string> notes;                  // for operators
  };
  Result<Received> receive(std::string_view frame);
  void disconnected();

  // ---- handlers ----
  // The handler has returned. Nothing is sent for a task that is lost.
  void finished(const std::shared_ptr<Assignment>& assignment, Outcome outcome);
  // Not begun, and not to be: given back, or its revoke answered.
  void give_back(const std::shared_ptr<Assignment>& assignment);
  void beat(const Assignment& assignment);

  // ---- leaving ----
  void stop_taking();  // no more tasks
  void bye();
  bool idle() const { return working_.empty() && owed_.empty(); }
  const std::unordered_map<std::string, std::shared_ptr<Assignment>>& working() const {
    return working_;
  }

  // Answers refused for a while (the server is full, or was interrupted) are sent again by this.
  bool has_deferred() const { return !deferred_.empty(); }
  void send_deferred();

  // Messages to be sent, in order, on the connection that was welcomed.
  bool has_output() const { return !output_.empty(); }
  // One frame: a message, or an array of some.
  std::string take_frame();

 private:
  struct Owed {
    std::string token;
    Outcome outcome;
    bool replaced = false;  // already a failure in place of what the server refused
  };
  void on_welcome(std::string_view message);
  void on_task(std::string_view message, Received& received);
  void on_reply(std::string_view message, bool fine, Received& received);
  void on_revoke(std::string_view message);
  void send_credit(const std::string& op);
  void owe(Owed owed);
  void send_owed(std::uint64_t ref, const Owed& owed);
  void send_revoked(const std::string& token);

  std::string worker_;
  std::string session_;
  std::vector<std::pair<std::string, int>> credits_;
  std::unordered_map<std::string, std::shared_ptr<Assignment>> working_;  // by token
  std::map<std::uint64_t, Owed> owed_;                                    // by ref, hence in order
  std::unordered_map<std::uint64_t, std::string> beats_;                  // by ref: the token
  std::vector<std::uint64_t> deferred_;
  std::vector<std::string> output_;
  std::size_t output_first_ = 0;
  std::uint64_t last_ref_ = 0;
  bool welcomed_ = false;
  bool taking_ = true;
  std::size_t payload_bytes_max_ = 1 << 20;
  std::size_t frame_bytes_max_ = 1 << 20;
};

}  // namespace sluice::clients
