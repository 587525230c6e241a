// SPDX-License-Identifier: Apache-2.0
#include "control/store/sqlite/reader.h"

#include <utility>

#include "control/store/sqlite/schema.h"

namespace rs::store::sqlite {
namespace {

constexpr int kStepsBetweenChecks = 10'000;  // of SQLite's machine: well below a millisecond

int patience_is_over(void* context) {
  const auto& patience = *static_cast<const Patience*>(context);
  if (patience.cancelled && patience.cancelled()) return 1;
  return std::chrono::steady_clock::now() >= patience.deadline ? 1 : 0;
}

}  // namespace

Lease::Lease(ReaderPool& pool, Connection* connection, std::unique_lock<std::mutex> shared, const Patience* patience)
    : pool_(&pool),
      connection_(connection),
      shared_(std::move(shared)),
      patience_(std::make_unique<Patience>(*patience)) {
  sqlite3_progress_handler(connection_->handle(), kStepsBetweenChecks, patience_is_over, patience_.get());
  (void)connection_->execute("BEGIN");  // deferred: takes its snapshot at the first read and cannot fail before
}

Lease::Lease(Lease&& other) noexcept
    : pool_(other.pool_),
      connection_(std::exchange(other.connection_, nullptr)),
      shared_(std::move(other.shared_)),
      patience_(std::move(other.patience_)) {}

Lease::~Lease() {
  if (connection_ == nullptr) return;
  sqlite3_progress_handler(connection_->handle(), 0, nullptr, nullptr);
  (void)connection_->execute("ROLLBACK");
  if (shared_.owns_lock()) return;
  pool_->give_back(connection_);
}

Result<SensorNames> Lease::sensor_names() {
  auto statement = connection_->prepare("SELECT id, name FROM sensor", false);
  if (!statement) return statement.error();
  SensorNames names;
  int code = SQLITE_OK;
  while ((code = statement->step()) == SQLITE_ROW)
    names.emplace(statement->integer(0), std::string(statement->text(1)));
  if (code != SQLITE_DONE) return error("sensors");
  return names;
}

const LookupTail* Lease::lookup_tail() const { return pool_->lookup_tail_; }

const ColumnTail* Lease::column_tail() const { return pool_->column_tail_; }

bool Lease::is_over() const { return patience_is_over(patience_.get()) != 0; }

Error Lease::over(std::string_view doing) {
  return {Code::kUnavailable,
          std::string(doing) + ": took longer than the caller would wait; narrow the time range or the filter"};
}

Error Lease::error(std::string_view doing) const {
  const Error error = error_of(connection_->handle(), doing);
  return error.code == Code::kUnavailable ? over(doing) : error;
}

void ReaderPool::share(Connection* connection, std::mutex* mutex) {
  shared_ = connection;
  shared_mutex_ = mutex;
}

Result<Lease> ReaderPool::lease(const Patience& patience) {
  if (shared_ != nullptr) return Lease(*this, shared_, std::unique_lock(*shared_mutex_), &patience);
  std::unique_ptr<Connection> connection;
  {
    std::unique_lock lock(mutex_);
    const auto free = [this] { return leased_ < kMaxReaders; };
    const bool got = patience.deadline == std::chrono::steady_clock::time_point::max()
                         ? (returned_.wait(lock, free), true)
                         : returned_.wait_until(lock, patience.deadline, free);
    if (!got) return Error{Code::kUnavailable, "too many queries at once: none finished before the caller's deadline"};
    ++leased_;
    if (!idle_.empty()) {
      connection = std::move(idle_.back());
      idle_.pop_back();
    }
  }
  if (!connection) {
    auto opened = open_reader(path_);
    if (!opened) {
      const std::lock_guard lock(mutex_);
      --leased_;
      returned_.notify_one();
      return opened.error();
    }
    connection = std::make_unique<Connection>(std::move(*opened));
  }
  return Lease(*this, connection.release(), {}, &patience);
}

void ReaderPool::give_back(Connection* connection) {
  const std::lock_guard lock(mutex_);
  idle_.emplace_back(connection);
  --leased_;
  returned_.notify_one();
}

}  // namespace rs::store::sqlite
