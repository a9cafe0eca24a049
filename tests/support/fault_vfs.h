// A disk that fails when told to, below SQLite.
//
// FaultVfs is a SQLite VFS over the default one. Give its name to storage::Options::vfs. It can
// fail the Nth write, flush, truncation or opening with an I/O error or a full disk, tear a write,
// and crash: from then on every call fails, and restart() leaves the files as a power cut would
// have: of what was not flushed, each 512-byte sector is there or not by a coin that the seed
// throws, and the file has any length between the flushed one and the last one.
//
// Simplifications: creating, deleting and shortening a file are durable at once; the lock files and
// the shared-memory index are the real ones. Nothing is really flushed, so tests are fast.
//
//   FaultVfs disk("torn", seed);
//   disk.fail(FaultVfs::Op::sync, 3, FaultVfs::Then::crash);
//   { auto db = open_sqlite({.directory = d, .vfs = disk.name()}); … }   // everything closed
//   disk.restart();                                                      // reopen and look
//
// Thread-safe. Must outlive every connection that uses it.
#pragma once

#include <cstdint>
#include <memory>
#include <string>

namespace sluice::test_support {

class FaultVfs {
 public:
  enum class Op { write, sync, truncate, open, change };  // change: a write, flush or truncation
  enum class Then {
    io_error,
    disk_full,
    crash,       // before the call had any effect
    torn_crash,  // after a prefix of the write; as crash for the others
  };

  FaultVfs(std::string name, std::uint64_t seed);
  ~FaultVfs();
  FaultVfs(const FaultVfs&) = delete;
  FaultVfs& operator=(const FaultVfs&) = delete;

  const std::string& name() const;

  // The `nth` such call from now on (1 is the next) fails; with `and_after`, all that follow as
  // well. Takes the place of an earlier plan.
  void fail(Op op, std::int64_t nth, Then then, bool and_after = false);
  void forgive();  // drops the plan

  void crash();
  bool crashed() const;

  // Power is back: what was not flushed is lost by the seed's coins. Nothing is planned any more.
  // REQUIRES: every connection is closed.
  void restart();

  std::int64_t count(Op op) const;  // calls since construction

 private:
  struct State;
  std::unique_ptr<State> state_;
};

}  // namespace sluice::test_support
