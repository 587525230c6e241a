// SPDX-License-Identifier: Apache-2.0
//
// resetscope-control: builds the parts in order, serves until SIGTERM or SIGINT, takes them down in reverse.
// Exit status 0: done; 1: error; 2: bad usage.
#include <fcntl.h>
#include <grpcpp/grpcpp.h>
#include <grpcpp/health_check_service_interface.h>
#include <spdlog/spdlog.h>
#include <systemd/sd-daemon.h>
#include <unistd.h>

#include <CLI/CLI.hpp>
#include <chrono>
#include <csignal>
#include <ctime>
#include <functional>
#include <iostream>
#include <map>

#include "control/access/gate.h"
#include "control/access/tokens.h"
#include "control/config.h"
#include "control/correlate/correlation.h"
#include "control/correlate/merge.h"
#include "control/correlator.h"
#include "control/incident_alerts.h"
#include "control/ingest/service.h"
#include "control/listen.h"
#include "control/log.h"
#include "control/metrics.h"
#include "control/model/presence.h"
#include "control/names_file.h"
#include "control/query/feed.h"
#include "control/query/operation.h"
#include "control/query/service.h"
#include "control/reload.h"
#include "control/server.h"
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
constexpr const char* kOperationService = "resetscope.v1.Operation";
constexpr auto kGrace = std::chrono::seconds(5);           // for calls under way at shutdown
constexpr auto kGoodbye = std::chrono::milliseconds(200);  // for their answers to leave; idle clients would wait longer
constexpr auto kLook = timespec{1, 0};                     // between two looks at the store's state

struct Options {
  Config config;
  std::function<Result<Config>()> configure;  // again
  int ready_fd = -1;
};

uint64_t now_ns() {
  return static_cast<uint64_t>(std::chrono::system_clock::now().time_since_epoch() / std::chrono::nanoseconds(1));
}

// Null when none is wanted.
Result<std::unique_ptr<web::Server>> start_page(const Config& config, grpc::Server& server, access::Gate& gate,
                                                access::Tokens& tokens) {
  if (config.web.empty()) return std::unique_ptr<web::Server>();
  const auto address = parse_address(config.web);
  if (!address) return address.error();
  web::Options options;
  options.host = address->host;
  options.port = address->port;
  options.tokens = &tokens;
  options.session_s = int64_t{config.web_session_hours} * 3600;
  if (address->leaves_machine()) {
    auto handshakes =
        tls::Handshakes::make(config.tls, [](const std::string& why) { spdlog::error("web page: {}", why); });
    if (!handshakes) return handshakes.error();
    options.handshakes = std::move(*handshakes);
  }
  grpc::ChannelArguments arguments;
  arguments.SetMaxReceiveMessageSize(-1);  // the limits of the calls are the limits
  const char* scheme = options.handshakes ? "https" : "http";
  auto page = std::make_unique<web::Server>(server.InProcessChannel(arguments), gate, std::move(options));
  if (auto started = page->start(); !started) return started.error();
  const std::string host = address->host.find(':') == std::string::npos ? address->host : "[" + address->host + "]";
  spdlog::info("web page: {}://{}:{}/", scheme, host, page->port());
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
void serve(const store::Store& store, grpc::HealthCheckServiceInterface& health, Reloader& reloader,
           access::Audit& audit, const sigset_t& signals) {
  bool storing = true;
  for (;;) {
    const int signal = sigtimedwait(&signals, nullptr, &kLook);
    if (signal == SIGHUP) {
      sd_notify(0, "RELOADING=1");
      const auto done = reloader.reload();
      audit.write({0, "system", "signal", "Reload", "SIGHUP", true, done ? "done" : "refused: " + done.error().text});
      sd_notify(0, "READY=1");
    } else {
      reloader.look();
    }
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
  EndingCounts endings;
  correlator.also_tell(&endings);
  if (auto started = correlator.start(); !started) return started.error();
  query::Feed feed(**store);
  access::Audit audit;
  if (auto opened = audit.open(config.audit); !opened) return opened.error();
  access::Gate gate(audit);
  gate.set(config.access);
  Reloader reloader(config, options.configure, gate, names_file);
  ingest::Service ingest(**store, presence, &gate);
  CallCounts calls;
  query::Service query({**store, presence, feed, names, correlation, now_ns()}, &gate, &calls);
  query::Operation operation(gate, {set_log_level, [&reloader] { return reloader.reload(); }});
  auto server = start_server(config, {&ingest, &query, &operation});
  if (!server) return server.error();
  const auto alerts = start_alerts(config, correlation, names);
  const MetricsParts numbers{config, **store,      presence,          feed,
                             ingest, gate,         correlation,       endings,
                             calls,  alerts.get(), reloader.read_s(), reloader.good()};
  std::unique_ptr<metrics::Endpoint> endpoint;
  if (!config.metrics_listen.empty()) {
    auto started =
        metrics::Endpoint::start(config.metrics_listen, [&numbers](metrics::Page& page) { fill_page(numbers, page); });
    if (!started) return started.error();
    endpoint = std::move(*started);
    spdlog::info("metrics on http://{} (port {})", config.metrics_listen, endpoint->port());
  }
  grpc::HealthCheckServiceInterface& health = *(*server)->GetHealthCheckService();
  access::Tokens tokens;
  if (auto opened = tokens.open(config.web_tokens); !opened) return opened.error();
  auto page = start_page(config, **server, gate, tokens);
  if (!page) return page.error();
  for (const char* name : {kIngestService, kQueryService, kOperationService}) health.SetServingStatus(name, true);
  spdlog::info("resetscope-control {} serves, store {}", RS_VERSION, config.store);
  say_ready(options.ready_fd);

  serve(**store, health, reloader, audit, signals);

  sd_notify(0, "STOPPING=1");
  endpoint.reset();
  if (alerts) alerts->stop();
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
  if (auto fits = check(config); !fits) return fits.error();
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
    if (!config->names.empty())
      if (auto names = load_names(config->names); !names) {
        std::cerr << "resetscope-control: " << names.error().text << "\n";
        return kFailed;
      }
    if (config->tls.any())
      if (auto good = tls::check(config->tls, std::time(nullptr)); !good) {
        std::cerr << "resetscope-control: " << good.error().text << "\n";
        return kFailed;
      }
    if (auto tokens = access::Tokens::load(config->web_tokens); !tokens) {
      std::cerr << "resetscope-control: " << tokens.error().text << "\n";
      return kFailed;
    }
    std::cout << (path.empty() ? "configuration" : path) << ": good\n";
    return kDone;
  }
  options.config = std::move(*config);
  options.configure = [&path, &given] { return configure(path, given); };
  set_up_log(options.config.log_level, options.config.log_json);
  if (auto served = run(options); !served) {
    spdlog::error("{}", served.error().text);
    return kFailed;
  }
  return kDone;
}

}  // namespace
}  // namespace rs::control

int main(int argc, char** argv) { return rs::control::main(argc, argv); }
