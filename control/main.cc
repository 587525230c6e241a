// SPDX-License-Identifier: Apache-2.0
//
// resetscope-control: builds the parts in order, serves until SIGTERM or SIGINT, takes them down in reverse.
// Exit status 0: done; 1: error; 2: bad usage.
#include <fcntl.h>
#include <grpcpp/ext/proto_server_reflection_plugin.h>
#include <grpcpp/grpcpp.h>
#include <grpcpp/health_check_service_interface.h>
#include <spdlog/sinks/stdout_color_sinks.h>
#include <spdlog/spdlog.h>
#include <systemd/sd-daemon.h>
#include <unistd.h>

#include <CLI/CLI.hpp>
#include <chrono>
#include <csignal>
#include <iostream>
#include <map>

#include "control/config.h"
#include "control/correlate/correlation.h"
#include "control/correlate/merge.h"
#include "control/correlator.h"
#include "control/ingest/decode.h"
#include "control/ingest/service.h"
#include "control/listen.h"
#include "control/model/presence.h"
#include "control/names_file.h"
#include "control/query/feed.h"
#include "control/query/service.h"
#include "control/store/sqlite/schema.h"
#include "control/store/sqlite/sqlite_store.h"
#include "control/web/server.h"

namespace rs::control {
namespace {

constexpr int kDone = 0;
constexpr int kFailed = 1;
constexpr int kBadUsage = 2;

constexpr const char* kIngestService = "resetscope.event.Ingest";
constexpr const char* kQueryService = "resetscope.v1.Resetscope";
constexpr int kMaxMessageBytes =
    static_cast<int>(ingest::kMaxBatchBytes) + (1 << 20);  // so that decode() says what is too large
constexpr int kMaxThreads = 512;                           // 256 watches, and room for the other calls
constexpr int kKeepaliveMs = 30'000;                       // a dead peer is noticed within a minute
constexpr int kKeepaliveTimeoutMs = 20'000;
constexpr auto kGrace = std::chrono::seconds(5);           // for calls under way at shutdown
constexpr auto kGoodbye = std::chrono::milliseconds(200);  // for their answers to leave; idle clients would wait longer
constexpr auto kLook = timespec{1, 0};                     // between two looks at the store's state

struct Options {
  Config config;
  int ready_fd = -1;
};

uint64_t now_ns() {
  return static_cast<uint64_t>(std::chrono::system_clock::now().time_since_epoch() / std::chrono::nanoseconds(1));
}

void set_up_log(const std::string& level) {
  auto log = spdlog::stderr_color_mt("control");
  log->set_pattern("%Y-%m-%dT%H:%M:%S.%e %^%l%$ %v");
  log->set_level(spdlog::level::from_str(level == "error" ? "err" : level));
  spdlog::set_default_logger(std::move(log));
}

Result<std::unique_ptr<grpc::Server>> start_server(const Config& config, ingest::Service& ingest,
                                                   query::Service& query) {
  grpc::EnableDefaultHealthCheckService(true);
  grpc::reflection::InitProtoReflectionServerBuilderPlugin();
  grpc::ServerBuilder builder;
  grpc::ResourceQuota quota("resetscope-control");
  quota.SetMaxThreads(kMaxThreads);
  builder.SetResourceQuota(quota);
  builder.SetMaxReceiveMessageSize(kMaxMessageBytes);
  builder.AddChannelArgument(GRPC_ARG_ALLOW_REUSEPORT, 0);  // a second program on our port is an error, not a lottery
  builder.AddChannelArgument(GRPC_ARG_KEEPALIVE_TIME_MS, kKeepaliveMs);
  builder.AddChannelArgument(GRPC_ARG_KEEPALIVE_TIMEOUT_MS, kKeepaliveTimeoutMs);
  builder.AddChannelArgument(GRPC_ARG_KEEPALIVE_PERMIT_WITHOUT_CALLS, 1);
  builder.AddChannelArgument(GRPC_ARG_HTTP2_MIN_RECV_PING_INTERVAL_WITHOUT_DATA_MS, 5'000);
  builder.RegisterService(&ingest);
  builder.RegisterService(&query);
  std::vector<int> ports(config.listen.size(), -1);
  for (size_t i = 0; i < config.listen.size(); ++i) {
    const auto address = parse_address(config.listen[i]);
    if (!address) return address.error();
    if (auto way = make_way(*address); !way) return way.error();
    builder.AddListeningPort(address->target(), grpc::InsecureServerCredentials(), &ports[i]);
  }
  auto server = builder.BuildAndStart();
  if (!server) {
    std::string text = "cannot listen on";
    for (const std::string& address : config.listen) text += " " + address;
    return Error{Code::kUnavailable, text + ": an address is in use, or this user may not use it"};
  }
  for (size_t i = 0; i < ports.size(); ++i)
    spdlog::info("listening on {}{}", config.listen[i],
                 config.listen[i].ends_with(":0") ? " (port " + std::to_string(ports[i]) + ")" : "");
  return server;
}

// Null when none is wanted.
Result<std::unique_ptr<web::Server>> start_page(const Config& config, grpc::Server& server) {
  if (config.web.empty()) return std::unique_ptr<web::Server>();
  const auto address = parse_address(config.web);
  if (!address) return address.error();
  grpc::ChannelArguments arguments;
  arguments.SetMaxReceiveMessageSize(-1);  // the limits of the calls are the limits
  auto page =
      std::make_unique<web::Server>(server.InProcessChannel(arguments), web::Options{address->host, address->port, {}});
  if (auto started = page->start(); !started) return started.error();
  const std::string host = address->host.find(':') == std::string::npos ? address->host : "[" + address->host + "]";
  spdlog::info("web page: http://{}:{}/", host, page->port());
  return page;
}

void say_ready(int ready_fd) {
  sd_notify(0, "READY=1\nSTATUS=serving");
  if (ready_fd < 0) return;
  constexpr std::string_view kReady = "ready\n";
  if (write(ready_fd, kReady.data(), kReady.size()) < 0) spdlog::warn("nobody reads --ready-fd {}", ready_fd);
  close(ready_fd);
}

// Until SIGTERM or SIGINT, which every thread blocks; meanwhile health follows the store, and names their file.
void serve(const store::Store& store, grpc::HealthCheckServiceInterface& health, NamesFile& names,
           const sigset_t& signals) {
  bool storing = true;
  for (;;) {
    const int signal = sigtimedwait(&signals, nullptr, &kLook);
    if (signal <= 0 || signal == SIGHUP)
      (void)names.look(signal == SIGHUP);  // faults are in the log and the server's info
    if (signal > 0 && signal != SIGHUP) {
      spdlog::info("{}: stopping", signal == SIGTERM ? "SIGTERM" : "SIGINT");
      return;
    }
    const std::string trouble = store.trouble();
    if (trouble.empty() == storing) continue;
    storing = trouble.empty();
    health.SetServingStatus(kIngestService, storing);
    sd_notifyf(0, "STATUS=%s", storing ? "serving" : ("cannot store: " + trouble).c_str());
  }
}

Result<void> run(const Options& options) {
  sigset_t signals;
  sigemptyset(&signals);
  sigaddset(&signals, SIGTERM);
  sigaddset(&signals, SIGINT);
  sigaddset(&signals, SIGHUP);
  pthread_sigmask(SIG_BLOCK, &signals, nullptr);
  std::signal(SIGPIPE, SIG_IGN);

  const Config& config = options.config;
  constexpr uint64_t kNsPerDay = 86'400ull * 1'000'000'000;
  correlate::Merger merger;  // outlives the store, whose writer asks it
  auto store = store::sqlite::open({config.store, config.retention_days * kNsPerDay, config.max_store_mib << 20});
  if (!store) return store.error();
  model::Presence presence;
  model::NamesHolder names;
  NamesFile names_file(config.names, names);
  if (auto read = names_file.look(false); !read) return read.error();
  (*store)->judge_by(&merger);
  correlate::Correlation correlation;
  const auto order =
      config.store == store::sqlite::kMemory ? Correlator::Order::kPacketTime : Correlator::Order::kArrival;
  Correlator correlator(**store, correlation, names, order);
  if (auto started = correlator.start(); !started) return started.error();
  query::Feed feed(**store);
  ingest::Service ingest(**store, presence);
  query::Service query({**store, presence, feed, names, correlation, now_ns()});
  auto server = start_server(config, ingest, query);
  if (!server) return server.error();
  grpc::HealthCheckServiceInterface& health = *(*server)->GetHealthCheckService();
  auto page = start_page(config, **server);
  if (!page) return page.error();
  for (const char* name : {kIngestService, kQueryService}) health.SetServingStatus(name, true);
  spdlog::info("resetscope-control {} serves, store {}", RS_VERSION, config.store);
  say_ready(options.ready_fd);

  serve(**store, health, names_file, signals);

  sd_notify(0, "STOPPING=1");
  health.Shutdown();
  feed.stop();
  ingest.stop();
  query.drain(kGrace);
  page->reset();
  (*server)->Shutdown(std::chrono::system_clock::now() + kGoodbye);
  server->reset();
  correlator.stop();
  return {};
}

// Command line over configuration file over defaults.
Result<Config> configure(const std::string& path, const std::map<std::string_view, std::vector<std::string>>& given) {
  Config config;
  if (!path.empty()) {
    auto loaded = load(path);
    if (!loaded) return loaded.error();
    config = std::move(*loaded);
  }
  for (const Key& key : keys()) {
    const auto values = given.find(key.name);
    if (values == given.end() || values->second.empty()) continue;
    if (auto done = key.parse(key, config, values->second); !done)
      return Error{done.error().code, std::string(key.flag) + ": " + done.error().text};
  }
  return config;
}

int main(int argc, char** argv) {
  CLI::App app("Resetscope's control plane: takes endings of connections from sensors, stores them, answers clients.",
               "resetscope-control");
  app.set_version_flag("--version", "resetscope-control " RS_VERSION);
  std::string path;
  bool check_only = false;
  bool print_sample = false;
  Options options;
  std::map<std::string_view, std::vector<std::string>> given;
  app.add_option("--config", path, "YAML file; flags override it")->type_name("FILE");
  app.add_flag("--check-config", check_only, "Check the configuration and exit");
  app.add_flag("--print-config", print_sample, "Print a sample configuration with every key and exit");
  for (const Key& key : keys()) {
    std::string help(key.help);
    help.append(" [").append(key.show(Config{})).append("]");
    auto* flag = app.add_option(std::string(key.flag), given[key.name], std::move(help));
    flag->type_name("VALUE");
    if (!key.list)
      flag->expected(1);
    else
      flag->expected(1)->take_all();
  }
  app.add_option("--ready-fd", options.ready_fd, "Write \"ready\" to this file descriptor once serving")
      ->type_name("N")
      ->check(CLI::Range(3, 1 << 20));
  try {
    app.parse(argc, argv);
  } catch (const CLI::ParseError& e) {
    return app.exit(e) == 0 ? kDone : kBadUsage;
  }
  if (print_sample) {
    std::cout << sample();
    return kDone;
  }
  if (options.ready_fd >= 0 && fcntl(options.ready_fd, F_SETFD, FD_CLOEXEC) != 0) {
    std::cerr << "resetscope-control: --ready-fd " << options.ready_fd << ": no such open file descriptor\n";
    return kBadUsage;
  }
  auto config = configure(path, given);
  if (!config) {
    std::cerr << "resetscope-control: " << config.error().text << "\n";
    return path.empty() ? kBadUsage : kFailed;
  }
  if (check_only) {
    std::cout << (path.empty() ? "configuration" : path) << ": good\n";
    return kDone;
  }
  options.config = std::move(*config);
  set_up_log(options.config.log_level);
  if (auto served = run(options); !served) {
    spdlog::error("{}", served.error().text);
    return kFailed;
  }
  return kDone;
}

}  // namespace
}  // namespace rs::control

int main(int argc, char** argv) { return rs::control::main(argc, argv); }
