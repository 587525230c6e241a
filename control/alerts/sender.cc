// SPDX-License-Identifier: Apache-2.0
#include "control/alerts/sender.h"

#include <curl/curl.h>
#include <spdlog/spdlog.h>

#include <algorithm>
#include <memory>

namespace rs::alerts {
namespace {

constexpr long kFirstRefusal = 400;
constexpr long kTooMany = 429;
constexpr long kFirstServerError = 500;

// Answers are not read: their status says all.
size_t discard(const char*, size_t size, size_t count, void*) { return size * count; }

int stop_early(void* stopping, curl_off_t, curl_off_t, curl_off_t, curl_off_t) {
  return static_cast<const std::atomic<bool>*>(stopping)->load() ? 1 : 0;
}

struct EasyDone {
  void operator()(CURL* curl) const { curl_easy_cleanup(curl); }
};
struct ListDone {
  void operator()(curl_slist* list) const { curl_slist_free_all(list); }
};

}  // namespace

Sender::Sender(SenderConfig config, Source source)
    : config_(std::move(config)),
      url_(config_.form == Form::kAlertmanager ? alertmanager_url(config_.url) : config_.url),
      source_(std::move(source)) {
  curl_global_init(CURL_GLOBAL_DEFAULT);
}

void Sender::start() {
  thread_ = std::thread([this] { run(); });
}

void Sender::stop() {
  if (!thread_.joinable()) return;
  {
    const std::lock_guard lock(mutex_);
    stopping_ = true;
  }
  wake_.notify_all();
  thread_.join();
}

SenderStats Sender::stats() const {
  const std::lock_guard lock(mutex_);
  return stats_;
}

void Sender::run() {
  auto backoff = config_.backoff_first;
  for (;;) {
    take_changes(Clock::now());
    auto wait = config_.look;
    if (post_waiting()) {
      backoff = config_.backoff_first;
    } else {
      wait = backoff;
      backoff = std::min(backoff * 2, config_.backoff_most);
    }
    std::unique_lock lock(mutex_);
    stats_.waiting = waiting_.size();
    if (wake_.wait_for(lock, wait, [this] { return stopping_.load(); })) return;
  }
}

void Sender::take_changes(Clock::time_point now) {
  for (const Alert& alert : source_(revision_)) {
    revision_ = std::max(revision_, alert.revision);
    const auto known = open_.find(alert.id);
    if (!alert.open) {
      // What closed before this program began was told of then.
      if (known != open_.end() || !first_) queue(alert);
      if (known != open_.end()) open_.erase(known);
    } else if (known == open_.end()) {
      open_[alert.id] = {alert, now, false};
      queue(alert);
    } else {
      known->second.alert = alert;
      known->second.changed = true;
    }
  }
  first_ = false;
  for (auto& [id, known] : open_) {
    if (now - known.posted < config_.again || (!known.changed && config_.form == Form::kWebhook)) continue;
    known.posted = now;
    known.changed = false;
    queue(known.alert);
  }
}

// The newest state of an incident stands for what waits of it.
void Sender::queue(const Alert& alert) {
  const auto same = std::ranges::find(waiting_, alert.id, &Alert::id);
  if (same != waiting_.end()) {
    *same = alert;
    return;
  }
  if (waiting_.size() >= config_.most_waiting) {
    waiting_.erase(waiting_.begin());
    const std::lock_guard lock(mutex_);
    if (stats_.dropped++ == 0)
      spdlog::warn("alerts: more than {} incidents wait to be posted to {}; the oldest are given up",
                   config_.most_waiting, url_);
  }
  waiting_.push_back(alert);
}

bool Sender::post_waiting() {
  while (!waiting_.empty()) {
    const size_t count = std::min(waiting_.size(), config_.most_a_post);
    const auto end = waiting_.begin() + static_cast<ptrdiff_t>(count);
    const std::vector<Alert> now(waiting_.begin(), end);
    std::string why;
    const Outcome outcome = post(config_.form == Form::kWebhook ? webhook_body(now) : alertmanager_body(now), why);
    const std::lock_guard lock(mutex_);
    if (outcome == Outcome::kFailed) {
      if (stats_.failed++ == 0 || stats_.waiting == 0)
        spdlog::warn("alerts: {}: {}; {} incidents wait and it is tried again", url_, why, waiting_.size());
      return false;
    }
    if (outcome == Outcome::kRefused) {
      stats_.dropped += count;
      spdlog::error("alerts: {} refuses {} incidents: {}", url_, count, why);
    } else {
      ++stats_.sent;
    }
    waiting_.erase(waiting_.begin(), end);
  }
  return true;
}

Sender::Outcome Sender::post(const std::string& body, std::string& why) const {
  const std::unique_ptr<CURL, EasyDone> curl(curl_easy_init());
  const std::unique_ptr<curl_slist, ListDone> headers(curl_slist_append(nullptr, "Content-Type: application/json"));
  if (curl == nullptr || headers == nullptr) {
    why = "no memory";
    return Outcome::kFailed;
  }
  CURL* c = curl.get();
  curl_easy_setopt(c, CURLOPT_URL, url_.c_str());
  curl_easy_setopt(c, CURLOPT_PROTOCOLS_STR, "http,https");
  curl_easy_setopt(c, CURLOPT_FOLLOWLOCATION, 0L);
  curl_easy_setopt(c, CURLOPT_NOSIGNAL, 1L);
  curl_easy_setopt(c, CURLOPT_USERAGENT, "resetscope-control/" RS_VERSION);
  curl_easy_setopt(c, CURLOPT_HTTPHEADER, headers.get());
  curl_easy_setopt(c, CURLOPT_POSTFIELDSIZE_LARGE, static_cast<curl_off_t>(body.size()));
  curl_easy_setopt(c, CURLOPT_POSTFIELDS, body.data());
  curl_easy_setopt(c, CURLOPT_TIMEOUT_MS, static_cast<long>(config_.timeout.count()));
  curl_easy_setopt(c, CURLOPT_WRITEFUNCTION, discard);
  curl_easy_setopt(c, CURLOPT_NOPROGRESS, 0L);
  curl_easy_setopt(c, CURLOPT_XFERINFOFUNCTION, stop_early);
  curl_easy_setopt(c, CURLOPT_XFERINFODATA, &stopping_);
  if (const CURLcode code = curl_easy_perform(c); code != CURLE_OK) {
    why = curl_easy_strerror(code);
    return Outcome::kFailed;
  }
  long status = 0;
  curl_easy_getinfo(c, CURLINFO_RESPONSE_CODE, &status);
  why = "HTTP status " + std::to_string(status);
  if (status >= kFirstRefusal && status < kFirstServerError && status != kTooMany) return Outcome::kRefused;
  return status >= 200 && status < 300 ? Outcome::kTaken : Outcome::kFailed;
}

}  // namespace rs::alerts
