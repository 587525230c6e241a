// SPDX-License-Identifier: Apache-2.0
#include "control/alerts/sender.h"

#include <arpa/inet.h>
#include <gmock/gmock.h>
#include <gtest/gtest.h>
#include <poll.h>
#include <sys/socket.h>
#include <unistd.h>

#include <nlohmann/json.hpp>

namespace rs::alerts {
namespace {

using namespace std::chrono_literals;
using nlohmann::json;

struct Request {
  std::string path;
  json body;
};

// A receiver on the loopback that answers each request with the next of `statuses`, then with the last.
class Receiver {
 public:
  explicit Receiver(std::vector<int> statuses) : statuses_(std::move(statuses)) {
    listener_ = socket(AF_INET, SOCK_STREAM, 0);
    sockaddr_in address{};
    address.sin_family = AF_INET;
    address.sin_addr.s_addr = htonl(INADDR_LOOPBACK);
    EXPECT_EQ(bind(listener_, reinterpret_cast<sockaddr*>(&address), sizeof address), 0);
    EXPECT_EQ(listen(listener_, 8), 0);
    socklen_t size = sizeof address;
    getsockname(listener_, reinterpret_cast<sockaddr*>(&address), &size);
    port_ = ntohs(address.sin_port);
    thread_ = std::thread([this] { serve(); });
  }
  ~Receiver() {
    stop_ = true;
    thread_.join();
    close(listener_);
  }
  [[nodiscard]] std::string url() const { return "http://127.0.0.1:" + std::to_string(port_); }
  std::vector<Request> wait_for(size_t count) {
    for (int i = 0; i < 500; ++i) {
      {
        const std::lock_guard lock(mutex_);
        if (requests_.size() >= count) return requests_;
      }
      std::this_thread::sleep_for(10ms);
    }
    const std::lock_guard lock(mutex_);
    return requests_;
  }

 private:
  void serve() {
    while (!stop_) {
      pollfd ready{listener_, POLLIN, 0};
      if (poll(&ready, 1, 20) <= 0) continue;
      const int fd = accept(listener_, nullptr, nullptr);
      answer(fd);
      close(fd);
    }
  }
  void answer(int fd) {
    std::string text;
    char buffer[65536];
    size_t want = std::string::npos;
    while (text.size() < want) {
      const ssize_t got = recv(fd, buffer, sizeof buffer, 0);
      if (got <= 0) return;
      text.append(buffer, static_cast<size_t>(got));
      const size_t head = text.find("\r\n\r\n");
      if (head == std::string::npos || want != std::string::npos) continue;
      want = head + 4 + std::stoul(text.substr(text.find("Content-Length: ") + 16));
    }
    const std::lock_guard lock(mutex_);
    const int status = statuses_[std::min(requests_.size(), statuses_.size() - 1)];
    const size_t head = text.find("\r\n\r\n");
    requests_.push_back({text.substr(0, text.find(" HTTP/")), json::parse(text.substr(head + 4))});
    const std::string out =
        "HTTP/1.1 " + std::to_string(status) + " x\r\nContent-Length: 0\r\nConnection: close\r\n\r\n";
    EXPECT_EQ(send(fd, out.data(), out.size(), MSG_NOSIGNAL), static_cast<ssize_t>(out.size()));
  }

  std::vector<int> statuses_;
  int listener_ = -1;
  uint16_t port_ = 0;
  std::atomic<bool> stop_ = false;
  std::thread thread_;
  std::mutex mutex_;
  std::vector<Request> requests_;
};

// What a correlator would tell.
class Incidents {
 public:
  void set(uint64_t id, bool open, uint64_t endings = 1) {
    const std::lock_guard lock(mutex_);
    Alert& alert = alerts_[id];
    alert.id = id;
    alert.open = open;
    alert.kind = "restart";
    alert.severity = "critical";
    alert.scope = "payments-db @ fra1";
    alert.summary = "payments-db was restarted \xff";
    alert.start_ns = 1'700'000'000'000'000'000;
    alert.end_ns = 1'700'000'060'250'000'000;
    alert.endings = endings;
    alert.revision = ++revision_;
  }
  Sender::Source source() {
    return [this](uint64_t after) {
      const std::lock_guard lock(mutex_);
      std::vector<Alert> out;
      for (const auto& [id, alert] : alerts_)
        if (alert.revision > after) out.push_back(alert);
      return out;
    };
  }

 private:
  std::mutex mutex_;
  std::map<uint64_t, Alert> alerts_;
  uint64_t revision_ = 0;
};

SenderConfig quick(const std::string& url, Form form) {
  SenderConfig config;
  config.url = url;
  config.form = form;
  config.look = 5ms;
  config.again = 60s;
  config.backoff_first = 10ms;
  config.backoff_most = 40ms;
  config.timeout = 2s;
  return config;
}

TEST(Sender, PostsOpenedUpdatedAndClosedToAlertmanager) {
  Receiver receiver({200});
  Incidents incidents;
  incidents.set(99, false);  // over before the program began
  incidents.set(1, true);
  SenderConfig config = quick(receiver.url() + "/", Form::kAlertmanager);
  config.again = 100ms;
  Sender sender(config, incidents.source());
  sender.start();
  auto requests = receiver.wait_for(1);
  ASSERT_GE(requests.size(), 1u);
  EXPECT_EQ(requests[0].path, "POST /api/v2/alerts");
  ASSERT_EQ(requests[0].body.size(), 1u);
  const json alert = requests[0].body[0];  // `requests` changes below
  EXPECT_EQ(alert["labels"]["alertname"], "ResetscopeIncident");
  EXPECT_EQ(alert["labels"]["incident"], "0000000000000001");
  EXPECT_EQ(alert["labels"]["kind"], "restart");
  EXPECT_EQ(alert["startsAt"], "2023-11-14T22:13:20.000Z");
  EXPECT_FALSE(alert.contains("endsAt"));
  EXPECT_EQ(alert["annotations"]["endings"], "1");
  // Alertmanager takes silence for the end: open ones come again, unchanged.
  requests = receiver.wait_for(2);
  ASSERT_GE(requests.size(), 2u);
  EXPECT_EQ(requests[1].body[0]["labels"], alert["labels"]);
  incidents.set(1, false, 7);
  for (int i = 0; i < 200 && !requests.back().body[0].contains("endsAt"); ++i)
    requests = receiver.wait_for(requests.size() + 1);
  EXPECT_EQ(requests.back().body[0]["endsAt"], "2023-11-14T22:14:20.250Z");
  EXPECT_EQ(requests.back().body[0]["annotations"]["endings"], "7");
  EXPECT_EQ(requests.back().body[0]["labels"], alert["labels"]);
  const size_t before = receiver.wait_for(0).size();
  std::this_thread::sleep_for(250ms);
  EXPECT_EQ(receiver.wait_for(0).size(), before);  // closed: silence
}

TEST(Sender, WebhookGetsEachChangeOnce) {
  Receiver receiver({204});
  Incidents incidents;
  incidents.set(1, true);
  Sender sender(quick(receiver.url() + "/hook?token=x", Form::kWebhook), incidents.source());
  sender.start();
  ASSERT_EQ(receiver.wait_for(1).size(), 1u);
  for (uint64_t i = 2; i < 50; ++i) incidents.set(1, true, i);  // no post each: see SenderConfig::again
  std::this_thread::sleep_for(50ms);
  incidents.set(1, false, 50);
  const auto requests = receiver.wait_for(2);
  ASSERT_EQ(requests.size(), 2u);
  EXPECT_EQ(requests[0].path, "POST /hook?token=x");
  EXPECT_EQ(requests[0].body["version"], "4");
  EXPECT_EQ(requests[0].body["status"], "firing");
  EXPECT_EQ(requests[0].body["alerts"][0]["endsAt"], "0001-01-01T00:00:00Z");
  EXPECT_EQ(requests[1].body["status"], "resolved");
  EXPECT_EQ(requests[1].body["alerts"][0]["status"], "resolved");
  EXPECT_EQ(requests[1].body["alerts"][0]["fingerprint"], requests[0].body["alerts"][0]["fingerprint"]);
  for (const char* field : {"groupKey", "receiver", "groupLabels", "commonLabels", "commonAnnotations", "externalURL"})
    EXPECT_TRUE(requests[0].body.contains(field)) << field;
  sender.stop();
  EXPECT_EQ(sender.stats().sent, 2u);
}

TEST(Sender, TriesAgainAndSendsTheNewestState) {
  Receiver receiver({503, 429, 500, 200});
  Incidents incidents;
  incidents.set(1, true, 1);
  Sender sender(quick(receiver.url(), Form::kWebhook), incidents.source());
  sender.start();
  ASSERT_GE(receiver.wait_for(1).size(), 1u);
  incidents.set(1, false, 5);
  const auto requests = receiver.wait_for(4);
  ASSERT_GE(requests.size(), 4u);
  EXPECT_EQ(requests[3].body["alerts"].size(), 1u);
  EXPECT_EQ(requests[3].body["alerts"][0]["annotations"]["endings"], "5");
  for (int i = 0; i < 100 && sender.stats().sent == 0; ++i) std::this_thread::sleep_for(10ms);
  EXPECT_EQ(sender.stats().failed, 3u);
  EXPECT_EQ(sender.stats().sent, 1u);
  EXPECT_EQ(sender.stats().dropped, 0u);
}

TEST(Sender, WhatIsRefusedIsDroppedAndCounted) {
  Receiver receiver({400, 200});
  Incidents incidents;
  incidents.set(1, true);
  Sender sender(quick(receiver.url(), Form::kAlertmanager), incidents.source());
  sender.start();
  ASSERT_EQ(receiver.wait_for(1).size(), 1u);
  incidents.set(2, true);
  const auto requests = receiver.wait_for(2);
  ASSERT_EQ(requests.size(), 2u);
  EXPECT_EQ(requests[1].body.size(), 1u);
  EXPECT_EQ(sender.stats().dropped, 1u);
}

TEST(Sender, TheQueueIsBoundedAndNobodyWaitsAtTheEnd) {
  Incidents incidents;
  for (uint64_t i = 1; i <= 50; ++i) incidents.set(i, true);
  SenderConfig config = quick("http://127.0.0.1:1", Form::kAlertmanager);  // nobody listens there
  config.most_waiting = 10;
  config.backoff_first = config.backoff_most = 1h;
  Sender sender(config, incidents.source());
  sender.start();
  for (int i = 0; i < 200 && sender.stats().waiting == 0; ++i) std::this_thread::sleep_for(10ms);
  EXPECT_EQ(sender.stats().waiting, 10u);
  EXPECT_EQ(sender.stats().dropped, 40u);
  const auto begin = std::chrono::steady_clock::now();
  sender.stop();
  EXPECT_LT(std::chrono::steady_clock::now() - begin, 2s);
}

}  // namespace
}  // namespace rs::alerts
