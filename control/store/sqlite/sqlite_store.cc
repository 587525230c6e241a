// SPDX-License-Identifier: Apache-2.0
#include "control/store/sqlite/sqlite_store.h"

#include <spdlog/spdlog.h>

#include <mutex>
#include <utility>

#include "control/store/sqlite/column_store.h"
#include "control/store/sqlite/findings.h"
#include "control/store/sqlite/lookup.h"
#include "control/store/sqlite/reads.h"
#include "control/store/sqlite/schema.h"
#include "control/store/sqlite/writer.h"

namespace rs::store::sqlite {
namespace {

class SqliteStore final : public Store {
 public:
  ~SqliteStore() override {
    if (!started_) return;
    writer_.stop();
    if (memory_) return;
    if (auto closed = mark_closed(db_); !closed)
      spdlog::warn("store: {} was not closed in order: {}", path_, closed.error().text);
  }

  Result<void> start(const Options& options) {
    path_ = options.path;
    memory_ = options.path == kMemory;
    auto db = open_writer(options.path);
    if (!db) return db.error();
    db_ = std::move(*db);
    Writer::Options writer;
    writer.path = path_;
    writer.transaction.rollups = !memory_;
    writer.transaction.lookup_tail = memory_ ? nullptr : &lookup_tail_;
    writer.transaction.column_tail = memory_ ? nullptr : &column_tail_;
    if (memory_) {
      writer.shared = &memory_mutex_;
      readers_.share(&db_, &memory_mutex_);
    } else {
      writer.limits = {options.retention_ns, options.max_bytes};
      readers_.open_file(path_, &lookup_tail_, &column_tail_);
    }
    if (auto ready = writer_.prepare(db_, std::move(writer)); !ready) return ready;
    if (auto running = writer_.start(); !running) return running;
    started_ = true;
    return {};
  }

  void write(model::Batch batch, Done done) override { writer_.write(std::move(batch), std::move(done)); }
  void listen(CommitListener* listener) override { writer_.listen(listener); }
  void observe(BatchObserver* observer) override { writer_.observe(observer); }
  void judge_by(model::SightingJudge* judge) override {
    if (judge != nullptr) teach(*judge);
    writer_.judge_by(judge);
  }
  void save(model::Findings findings, Done done) override { writer_.save(std::move(findings), std::move(done)); }
  Result<std::vector<model::Sighting>> sightings(uint64_t event_id) override {
    return with({}, [&](Lease& db) { return sqlite::sightings(db, event_id); });
  }
  Result<void> findings(uint8_t kind, const std::function<void(const model::Finding&)>& each) override {
    return with({}, [&](Lease& db) { return sqlite::findings(db, kind, each); });
  }
  Result<std::optional<model::Finding>> finding(uint8_t kind, const std::string& key) override {
    return with({}, [&](Lease& db) { return sqlite::finding(db, kind, key); });
  }
  Result<uint64_t> findings_cursor() override {
    return with({}, [](Lease& db) { return sqlite::findings_cursor(db); });
  }
  Result<std::vector<Overlap>> overlaps() override {
    return with({}, [](Lease& db) { return sqlite::overlaps(db); });
  }
  std::string trouble() const override { return writer_.trouble(); }
  uint64_t newest_cursor() const override { return writer_.newest_cursor(); }

  Result<void> list(const ListQuery& query, const Patience& patience, const EachEvent& each) override {
    return with(patience, [&](Lease& db) { return sqlite::list(db, query, each); });
  }
  Result<void> list_after(uint64_t cursor, const model::Filter& filter, size_t limit, const Patience& patience,
                          const EachEvent& each) override {
    return with(patience, [&](Lease& db) { return sqlite::list_after(db, cursor, filter, limit, each); });
  }
  Result<uint64_t> count_between(uint64_t after, uint64_t until, const model::Filter& filter,
                                 const Patience& patience) override {
    return with(patience, [&](Lease& db) { return sqlite::count_between(db, after, until, filter); });
  }
  Result<std::optional<model::Event>> get(uint64_t event_id) override {
    return with({}, [&](Lease& db) { return sqlite::get(db, event_id); });
  }
  Result<std::vector<Group>> aggregate(const AggregateQuery& query, const Patience& patience) override {
    return with(patience, [&](Lease& db) { return sqlite::aggregate(db, query, !memory_); });
  }
  Result<std::vector<ServiceTotals>> services(const ServiceQuery& query, const Patience& patience) override {
    return with(patience, [&](Lease& db) { return sqlite::services(db, query); });
  }
  Result<std::vector<Sensor>> sensors() override {
    return with({}, [](Lease& db) { return sqlite::sensors(db); });
  }
  Result<std::vector<Coverage>> coverage(const TimeRange& range) override {
    return with({}, [&](Lease& db) { return sqlite::coverage(db, range); });
  }
  Result<std::vector<Watched>> watched(const TimeRange& range, uint64_t step_ns, const Patience& patience) override {
    return with(patience, [&](Lease& db) { return sqlite::watched(db, range, step_ns); });
  }

  Result<Info> info() override {
    return with({}, [&](Lease& db) -> Result<Info> {
      Info info;
      info.description = "sqlite " + path_;
      auto row = db->prepare(
          "SELECT (SELECT value FROM meta WHERE key = 'events'), (SELECT value FROM meta WHERE key = 'endings'),"
          " (SELECT min(time_ns) FROM event), (SELECT max(time_ns) FROM event),"
          " (SELECT (page_count - freelist_count) * page_size FROM pragma_page_count, pragma_freelist_count, "
          "pragma_page_size)",
          false);
      if (!row) return row.error();
      if (row->step() != SQLITE_ROW) return db.error("info");
      info.events = row->natural(0);
      info.endings = row->natural(1);
      if (!row->is_null(2)) info.oldest_ns = row->natural(2);
      if (!row->is_null(3)) info.newest_ns = row->natural(3);
      info.bytes = row->natural(4);
      return info;
    });
  }

 private:
  // What was stored last, so that a sighting that comes after a restart is told from an event.
  void teach(model::SightingJudge& judge) {
    constexpr uint64_t kNewest = 10'000;
    const uint64_t newest = writer_.newest_cursor();
    const auto told = list_after(newest > kNewest ? newest - kNewest : 0, {}, kNewest, {}, [&](const model::Event& e) {
      (void)judge.judge(e, e.sensor);
      return true;
    });
    if (!told) spdlog::warn("store: {}", told.error().text);
  }

  template <class Read>
  auto with(const Patience& patience, const Read& read) -> decltype(read(std::declval<Lease&>())) {
    auto lease = readers_.lease(patience);
    if (!lease) return lease.error();
    return read(*lease);
  }

  std::string path_;
  bool memory_ = false;
  bool started_ = false;
  Connection db_;
  std::mutex memory_mutex_;
  LookupTail lookup_tail_;
  ColumnTail column_tail_;
  ReaderPool readers_;
  Writer writer_;
};

}  // namespace

Result<std::unique_ptr<Store>> open(const Options& options) {
  auto store = std::make_unique<SqliteStore>();
  if (auto started = store->start(options); !started) return started.error();
  return std::unique_ptr<Store>(std::move(store));
}

}  // namespace rs::store::sqlite
