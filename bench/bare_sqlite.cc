#include <fmt/format.h>
#include <sqlite3.h>
#include <unistd.h>

#include <filesystem>
#include <stdexcept>

#include "bench/bare.h"
#include "bench/bare_statements.h"
#include "bench/measure.h"
#include "bench/server.h"
#include "orchestrator/statements.h"
#include "queue/statements.h"
#include "storage/migrations.h"
#include "storage/statements.h"

namespace sluice::bench {
namespace {

// As large as what the server writes besides the payload: a row's events, a frame.
constexpr std::size_t events_bytes = 48;
constexpr std::size_t frame_bytes = 30;
constexpr std::int64_t steps_of_run = stage_count + 1;
constexpr int leased = 4;
constexpr int succeeded = 2;
// The server moves a log of this many pages into the database while it is busy.
constexpr int checkpoint_pages = 4'000;

struct Null {};
struct Blob {
  std::string_view bytes;
};

class Bare {
 public:
  explicit Bare(const std::string& path) {
    if (sqlite3_open_v2(path.c_str(), &handle_,
                        SQLITE_OPEN_READWRITE | SQLITE_OPEN_CREATE | SQLITE_OPEN_NOMUTEX,
                        nullptr) != SQLITE_OK)
      refuse("opening " + path);
    execute(std::string(sql_settings));
    for (const auto& migration : storage::sqlite_migrations()) execute(std::string(migration.sql));
    sqlite3_wal_hook(
        handle_,
        [](void* self, sqlite3*, const char*, int pages) {
          static_cast<Bare*>(self)->log_pages_ = pages;
          return SQLITE_OK;
        },
        this);
  }
  ~Bare() {
    for (auto* statement : statements_) sqlite3_finalize(statement);
    sqlite3_close_v2(handle_);
  }
  Bare(const Bare&) = delete;
  Bare& operator=(const Bare&) = delete;

  sqlite3_stmt* prepare(const storage::Sql& sql) {
    sqlite3_stmt* statement = nullptr;
    if (sqlite3_prepare_v3(handle_, sql.text.data(), static_cast<int>(sql.text.size()),
                           SQLITE_PREPARE_PERSISTENT, &statement, nullptr) != SQLITE_OK)
      refuse(sql.name);
    statements_.push_back(statement);
    return statement;
  }

  template <class... Values>
  void run(sqlite3_stmt* statement, const Values&... values) {
    // The server's statements have changed: this program must bind what they take now.
    if (sqlite3_bind_parameter_count(statement) != sizeof...(values))
      throw std::runtime_error(fmt::format("bare_sqlite.cc binds {} parameters of {}",
                                           sizeof...(values), sqlite3_sql(statement)));
    int place = 0;
    (bind(statement, ++place, values), ...);
    if (sqlite3_step(statement) != SQLITE_DONE) refuse(sqlite3_sql(statement));
    sqlite3_reset(statement);
  }

  void checkpoint_if_due() {
    if (log_pages_ < checkpoint_pages) return;
    if (sqlite3_wal_checkpoint_v2(handle_, nullptr, SQLITE_CHECKPOINT_PASSIVE, nullptr, nullptr) !=
        SQLITE_OK)
      refuse("checkpoint");
    log_pages_ = 0;
  }

 private:
  void execute(const std::string& script) {
    if (sqlite3_exec(handle_, script.c_str(), nullptr, nullptr, nullptr) != SQLITE_OK)
      refuse(script.substr(0, 60));
  }
  [[noreturn]] void refuse(std::string_view doing) {
    throw std::runtime_error(fmt::format("bare SQLite, {}: {}", doing, sqlite3_errmsg(handle_)));
  }
  static void bind(sqlite3_stmt* s, int place, std::int64_t value) {
    sqlite3_bind_int64(s, place, value);
  }
  static void bind(sqlite3_stmt* s, int place, Null) { sqlite3_bind_null(s, place); }
  static void bind(sqlite3_stmt* s, int place, std::string_view text) {
    sqlite3_bind_text(s, place, text.data(), static_cast<int>(text.size()), SQLITE_STATIC);
  }
  static void bind(sqlite3_stmt* s, int place, Blob blob) {
    sqlite3_bind_blob(s, place, blob.bytes.data(), static_cast<int>(blob.bytes.size()),
                      SQLITE_STATIC);
  }

  sqlite3* handle_ = nullptr;
  std::vector<sqlite3_stmt*> statements_;
  int log_pages_ = 0;
};

// The steps of runs, each as the rows that the server writes for it.
class Steps {
 public:
  Steps(Bare& bare, std::size_t payload_bytes)
      : bare_(bare),
        insert_run_(bare.prepare(orchestrator::sql::insert_run)),
        insert_log_(bare.prepare(orchestrator::sql::insert_log)),
        insert_message_(bare.prepare(queue::sql::insert_message)),
        move_leased_(bare.prepare(queue::sql::move_leased)),
        delete_message_(bare.prepare(queue::sql::delete_message)),
        end_run_(bare.prepare(orchestrator::sql::end_run)),
        payload_(payload_bytes, 'x'),
        events_(events_bytes, 'e'),
        frame_(frame_bytes, 'f') {}

  struct Run {
    std::int64_t id = 0;
    std::int64_t last_seq = 0;
    std::int64_t step = 0;
  };

  // After its last step the run is a new one.
  void advance(Run& run) {
    const std::int64_t now = now_us();
    const std::int64_t seq = ++seq_;
    if (run.step == 0) {
      run.id = next_run_;
      next_run_ += 0x1'0000;
      bare_.run(insert_run_, run.id, one, one, Null{}, Null{}, Null{}, Null{}, seq, now, Null{},
                Null{});
      log(run, seq, Null{}, now);
      bare_.run(insert_message_, run.id, one, one, std::int64_t{leased}, now, std::int64_t{4}, one,
                std::int64_t{0}, one, now, Null{}, Null{}, Null{}, now, one, worker, Null{}, seq,
                Null{}, Null{}, Blob{frame_});
    } else if (run.step + 1 < steps_of_run) {
      log(run, seq, run.last_seq, now);
      bare_.run(move_leased_, run.id, run.step + 1, now, std::int64_t{4}, one, run.step + 1, now,
                now, one, worker, Null{}, seq, Null{}, Blob{frame_});
    } else {
      log(run, seq, run.last_seq, now);
      bare_.run(delete_message_, run.id);
      bare_.run(end_run_, run.id, std::int64_t{succeeded}, now, seq, Null{});
    }
    run.last_seq = seq;
    run.step = (run.step + 1) % steps_of_run;
  }

 private:
  template <class Prev>
  void log(const Run& run, std::int64_t seq, Prev prev, std::int64_t now) {
    bare_.run(insert_log_, seq, run.id, Null{}, prev, now, Blob{events_}, Blob{payload_});
  }

  static constexpr std::int64_t one = 1;
  static constexpr std::string_view worker = "bench pay";

  Bare& bare_;
  sqlite3_stmt* insert_run_;
  sqlite3_stmt* insert_log_;
  sqlite3_stmt* insert_message_;
  sqlite3_stmt* move_leased_;
  sqlite3_stmt* delete_message_;
  sqlite3_stmt* end_run_;
  const std::string payload_;
  const std::string events_;
  const std::string frame_;
  std::int64_t seq_ = 0;
  std::int64_t next_run_ = std::int64_t{1} << 58;
};

}  // namespace

SqliteRate measure_sqlite(const std::string& directory, int steps_per_commit,
                          std::size_t payload_bytes, double seconds) {
  std::filesystem::remove_all(directory);
  std::filesystem::create_directories(directory);
  SqliteRate rate{.steps_per_commit = steps_per_commit};
  {
    Bare bare(directory + "/bare.db");
    sqlite3_stmt* begin = bare.prepare(storage::sql_begin);
    sqlite3_stmt* commit = bare.prepare(storage::sql_commit);
    Steps steps(bare, payload_bytes);
    std::vector<Steps::Run> runs(static_cast<std::size_t>(steps_per_commit));
    std::int64_t done = 0;
    const auto group = [&] {
      bare.run(begin);
      for (auto& run : runs) steps.advance(run);
      bare.run(commit);
      bare.checkpoint_if_due();
      done += steps_per_commit;
    };
    // Runs stand at all the steps, as they do under load.
    bare.run(begin);
    for (std::size_t n = 0; n < runs.size(); ++n)
      for (std::size_t step = 0; step < n % (stage_count + 1); ++step) steps.advance(runs[n]);
    bare.run(commit);
    const std::int64_t warm = now_us() + static_cast<std::int64_t>(seconds * 3e5);
    while (now_us() < warm) group();

    done = 0;
    const double cpu = own_cpu_seconds();
    const Usage before = usage_of(::getpid());
    const std::int64_t begun = now_us();
    const auto limit = begun + static_cast<std::int64_t>(seconds * 7e5);
    while (now_us() < limit) group();
    const auto taken = static_cast<double>(now_us() - begun) / 1e6;
    const auto count = static_cast<double>(std::max<std::int64_t>(done, 1));
    rate.runs_per_second = count / static_cast<double>(steps_of_run) / taken;
    rate.cpu_us_per_step = (own_cpu_seconds() - cpu) * 1e6 / count;
    rate.written_bytes_per_step =
        static_cast<double>(usage_of(::getpid()).written_bytes - before.written_bytes) / count;
  }
  std::filesystem::remove_all(directory);
  return rate;
}

}  // namespace sluice::bench
