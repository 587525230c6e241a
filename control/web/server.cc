// SPDX-License-Identifier: Apache-2.0
#include "control/web/server.h"

#include <httplib.h>
#include <spdlog/spdlog.h>
#include <zlib.h>

#include <algorithm>
#include <array>
#include <atomic>
#include <ctime>
#include <nlohmann/json.hpp>
#include <optional>

#include "control/web/api.h"
#include "control/web/assets.h"
#include "control/web/door.h"
#include "control/web/hosts.h"

namespace rs::web {
namespace {

// A browser holds up to six connections, one of them a stream while its page is live.
constexpr size_t kThreads = 96;
constexpr int kMostStreams = 48;              // so that streams never take all threads
constexpr size_t kMostBodyBytes = 256 << 10;  // a filter has 16 KiB at most; the rest of a request is numbers
constexpr size_t kMostRequestsAConnection = 10'000;
constexpr time_t kIdleConnectionS = 2;  // also the longest that stop() waits for an idle browser
constexpr time_t kPatienceS = 10;       // with a client that sends or reads slowly
constexpr size_t kWorthPacking = 1024;  // bytes; below, the head is most of the answer
constexpr int kPackLevel = 1;           // zlib: 80 % of the gain for a tenth of the time

// Everything from this server, no inline code or style, nobody frames it.
constexpr const char* kContentSecurityPolicy =
    "default-src 'none'; script-src 'self'; style-src 'self'; img-src 'self' data: blob:; connect-src 'self'; "
    "base-uri 'none'; form-action 'none'; frame-ancestors 'none'";

// A year: the browser never asks this host in plaintext again (RFC 6797 section 6.1).
constexpr const char* kStrictTransport = "max-age=31536000";

constexpr const char* kJson = "application/json; charset=utf-8";
constexpr std::string_view kApi = "/api/v1/";

// Paths of the page's own views: the page itself is served there, so that links into it can be opened.
constexpr std::array<std::string_view, 10> kViews = {"/",         "/heatmap",  "/endings",  "/event",   "/incidents",
                                                     "/incident", "/timeouts", "/services", "/service", "/sensors"};

bool is_view(std::string_view path) {
  const std::string_view first = path.substr(0, path.find('/', 1));
  return std::ranges::find(kViews, first) != kViews.end();
}

std::string packed(const std::string& plain) {
  constexpr int kGzip = 16 + MAX_WBITS;  // zlib.h, deflateInit2: write gzip
  constexpr int kMemory = 8;             // zlib's default
  z_stream stream{};
  if (deflateInit2(&stream, kPackLevel, Z_DEFLATED, kGzip, kMemory, Z_DEFAULT_STRATEGY) != Z_OK) return {};
  std::string in = plain;
  std::string out(deflateBound(&stream, in.size()), '\0');
  stream.next_in = reinterpret_cast<Bytef*>(in.data());
  stream.avail_in = static_cast<uInt>(in.size());
  stream.next_out = reinterpret_cast<Bytef*>(out.data());
  stream.avail_out = static_cast<uInt>(out.size());
  const int done = deflate(&stream, Z_FINISH);
  out.resize(out.size() - stream.avail_out);
  deflateEnd(&stream);
  return done == Z_STREAM_END ? out : std::string{};
}

bool takes_gzip(const httplib::Request& request) {
  return request.get_header_value("Accept-Encoding").find("gzip") != std::string::npos;
}

// As a provider of known length: the library would compress again, and slowly, what it is given as a body.
void set_body(httplib::Response& response, std::string body, const char* type) {
  const size_t size = body.size();
  response.set_content_provider(size, type,
                                [body = std::move(body)](size_t at, size_t length, httplib::DataSink& sink) {
                                  return sink.write(body.data() + at, length);
                                });
}

void set_json(const httplib::Request& request, httplib::Response& response, const Answer& answer) {
  response.status = answer.status;
  response.set_header("Cache-Control", "no-store");
  response.set_header("Vary", "Accept-Encoding");
  if (answer.json.size() >= kWorthPacking && takes_gzip(request)) {
    if (std::string small = packed(answer.json); !small.empty()) {
      response.set_header("Content-Encoding", "gzip");
      set_body(response, std::move(small), kJson);
      return;
    }
  }
  set_body(response, answer.json, kJson);
}

Answer refusal(int status, std::string_view code, std::string_view text) {
  const nlohmann::ordered_json json = {{"code", code}, {"message", text}};
  return {status, json.dump(-1, ' ', false, nlohmann::ordered_json::error_handler_t::replace)};
}

int64_t unix_now() { return static_cast<int64_t>(std::time(nullptr)); }

std::string server_sent(std::string_view id, std::string_view event, std::string_view json) {
  std::string text;
  if (!id.empty()) text.append("id: ").append(id).append("\n");
  if (!event.empty()) text.append("event: ").append(event).append("\n");
  return text.append("data: ").append(json).append("\n\n");  // JSON has no line ends of its own
}

}  // namespace

// What is served, told apart from how it is listened for.
class Server::Pages {
 public:
  Pages(const std::shared_ptr<grpc::Channel>& channel, access::Gate& gate, const Options& options)
      : api_(channel),
        gate_(gate),
        door_(gate, options.tokens, options.session_s),
        secure_(options.handshakes != nullptr) {}

  // False: `response` says why not.
  bool admit(const httplib::Request& request, httplib::Response& response) const {
    const std::string host = request.get_header_value("Host");
    // Over TLS the certificate's names see to it that a page elsewhere cannot make its own name ours.
    if (!secure_ && !is_loopback_name(host)) {
      set_json(request, response,
               refusal(421, "FAILED_PRECONDITION",
                       "this address serves the loopback only: open it as localhost, or through an SSH tunnel"));
      return false;
    }
    const bool other_origin = request.has_header("Origin") &&
                              !same_origin(request.get_header_value("Origin"), secure_ ? "https" : "http", host);
    // A page elsewhere may link here, but not make the browser ask in its user's name.
    const bool from_elsewhere = !is_view(request.path) && request.get_header_value("Sec-Fetch-Site") == "cross-site";
    if (other_origin || from_elsewhere) {
      set_json(request, response, refusal(403, "PERMISSION_DENIED", "pages of other origins may not ask"));
      return false;
    }
    return true;
  }

  void call(const httplib::Request& request, httplib::Response& response) {
    const std::string_view name = std::string_view(request.path).substr(kApi.size());
    if (!Api::has_call(name))
      return set_json(request, response, refusal(404, "UNIMPLEMENTED", "query.proto has no such call"));
    const auto pass = enter(request, response, access::Need::kRead, name);
    if (pass) set_json(request, response, api_.call(name, request.body));
  }

  void stream(const httplib::Request& request, httplib::Response& response) {
    const std::string name = request.path.substr(kApi.size());
    if (!Api::has_stream(name))
      return set_json(request, response,
                      refusal(Api::has_call(name) ? 405 : 404, "UNIMPLEMENTED",
                              "no such stream; calls that answer once are asked by POST"));
    auto pass = enter(request, response, access::Need::kWatch, name);
    if (!pass) return;
    if (++streams_ > kMostStreams) {
      --streams_;
      return set_json(request, response, refusal(429, "RESOURCE_EXHAUSTED", "too many live pages at once"));
    }
    response.set_header("Cache-Control", "no-store");
    response.set_header("X-Accel-Buffering", "no");  // a proxy in between passes items on at once
    response.set_chunked_content_provider(
        "text/event-stream",
        [this, name, asked = request.get_param_value("request"), resume = request.get_header_value("Last-Event-ID"),
         knock = knock_of(request),
         held = std::make_shared<access::Gate::Pass>(std::move(*pass))](size_t, httplib::DataSink& sink) {
          (void)held;  // counts the stream for as long as it lasts
          // Each item asks again: certificate, token and sign-in can end while it flows.
          const auto write = [&](const std::string& text) {
            return door_.who(knock, unix_now()) && sink.is_writable() && sink.write(text.data(), text.size());
          };
          if (write(": open\n\n"))
            api_.stream(name, asked, resume, [&](std::string_view id, std::string_view event, std::string_view json) {
              return write(server_sent(id, event, json));
            });
          sink.done();
          return true;
        },
        [this](bool) { --streams_; });
  }

  // Who the page's user is: {"name": ..., "by": "local", "certificate" or "token", "until": Unix time of the sign-in's
  // end}.
  void session(const httplib::Request& request, httplib::Response& response) {
    const Knock knock = knock_of(request);
    const auto caller = door_.who(knock, unix_now());
    if (!caller) return turn_away(request, response, caller.error().text);
    nlohmann::ordered_json json = {{"name", caller->name}, {"by", caller->local ? "local" : caller->shown}};
    if (const int64_t until = door_.session_end(knock, unix_now()); until != 0) json["until"] = until;
    set_json(request, response, {200, json.dump(-1, ' ', false, nlohmann::ordered_json::error_handler_t::replace)});
  }

  void sign_in(const httplib::Request& request, httplib::Response& response) {
    const auto asked = nlohmann::json::parse(request.body, nullptr, false);
    if (!asked.is_object() || !asked.contains("token") || !asked["token"].is_string())
      return set_json(request, response, refusal(400, "INVALID_ARGUMENT", "expected {\"token\": \"...\"}"));
    if (!secure_)
      return set_json(
          request, response,
          refusal(400, "FAILED_PRECONDITION", "here everybody on this machine may ask: no token is needed"));
    const auto cookie = door_.sign_in(knock_of(request), asked["token"].get<std::string>(), unix_now());
    if (!cookie) return turn_away(request, response, cookie.error().text);
    response.set_header("Set-Cookie", *cookie);
    set_json(request, response, {200, "{}"});
  }

  void sign_out(const httplib::Request& request, httplib::Response& response) {
    if (secure_) response.set_header("Set-Cookie", door_.sign_out(knock_of(request), unix_now()));
    set_json(request, response, {200, "{}"});
  }

  void file(const httplib::Request& request, httplib::Response& response) const {
    const Asset* asset = find_asset(is_view(request.path) ? "/index.html" : std::string_view(request.path));
    if (asset == nullptr) return set_json(request, response, refusal(404, "NOT_FOUND", "there is no such page here"));
    // A strong tag names the very bytes: packed and plain ones are two representations (RFC 9110 section 8.8.3.3).
    const bool small = takes_gzip(request);
    std::string tag(asset->etag);
    if (small) tag.insert(tag.size() - 1, "-gzip");
    response.set_header("ETag", tag);
    response.set_header("Cache-Control", "no-cache");  // kept, and asked about each time: a new build shows at once
    response.set_header("Vary", "Accept-Encoding");
    if (request.get_header_value("If-None-Match").find(tag) != std::string::npos) {
      response.status = 304;
      return;
    }
    if (!small) return set_body(response, unpacked(*asset), asset->type.data());
    response.set_header("Content-Encoding", "gzip");
    set_body(response, std::string(asset->gzip), asset->type.data());
  }

 private:
  [[nodiscard]] Knock knock_of(const httplib::Request& request) const {
    return {secure_, request.remote_addr, tls::shown_by(request.ssl), request.get_header_value("Authorization"),
            request.get_header_value("Cookie")};
  }

  // Nobody we know: 401, and whether a token would help.
  void turn_away(const httplib::Request& request, httplib::Response& response, const std::string& why) const {
    const nlohmann::ordered_json json = {
        {"code", "UNAUTHENTICATED"}, {"message", why}, {"tokens", door_.takes_tokens()}};
    response.set_header("WWW-Authenticate", "Bearer realm=\"resetscope\"");  // RFC 6750 section 3
    set_json(request, response, {401, json.dump(-1, ' ', false, nlohmann::ordered_json::error_handler_t::replace)});
  }

  // Empty: `response` says why not.
  std::optional<access::Gate::Pass> enter(const httplib::Request& request, httplib::Response& response,
                                          access::Need need, std::string_view call) {
    const auto caller = door_.who(knock_of(request), unix_now());
    if (!caller) {
      turn_away(request, response, caller.error().text);
      return std::nullopt;
    }
    auto pass = gate_.enter(*caller, need, call);
    if (pass) return std::move(*pass);
    const bool busy = pass.error().code == Code::kResource;
    set_json(request, response,
             refusal(busy ? 429 : 403, busy ? "RESOURCE_EXHAUSTED" : "PERMISSION_DENIED", pass.error().text));
    return std::nullopt;
  }

  const Api api_;
  access::Gate& gate_;
  Door door_;
  const bool secure_;
  std::atomic<int> streams_ = 0;
};

Server::Server(std::shared_ptr<grpc::Channel> channel, access::Gate& gate, Options options)
    : options_(std::move(options)), pages_(std::make_unique<Pages>(channel, gate, options_)) {
  if (options_.handshakes == nullptr)
    http_ = std::make_unique<httplib::Server>();
  else
    http_ = std::make_unique<httplib::SSLServer>([this](SSL_CTX& context) {
      options_.handshakes->serve(context);
      return true;
    });
}

Server::~Server() { stop(); }

Result<void> Server::start() {
  httplib::Server& http = *http_;
  http.new_task_queue = [] { return new httplib::ThreadPool(kThreads); };
  http.set_keep_alive_max_count(kMostRequestsAConnection);
  http.set_keep_alive_timeout(kIdleConnectionS);
  http.set_read_timeout(kPatienceS);
  http.set_write_timeout(kPatienceS);
  http.set_payload_max_length(kMostBodyBytes);
  http.set_tcp_nodelay(true);
  http.set_socket_options([](socket_t fd) {
    // Not SO_REUSEPORT, the library's default: a second program on our port is an error.
    const int yes = 1;
    setsockopt(fd, SOL_SOCKET, SO_REUSEADDR, &yes, sizeof yes);
  });
  httplib::Headers headers = {{"Content-Security-Policy", kContentSecurityPolicy},
                              {"X-Content-Type-Options", "nosniff"},
                              {"Referrer-Policy", "no-referrer"},
                              {"Cross-Origin-Opener-Policy", "same-origin"},
                              {"Cross-Origin-Resource-Policy", "same-origin"}};
  if (options_.handshakes != nullptr) headers.emplace("Strict-Transport-Security", kStrictTransport);
  http.set_default_headers(std::move(headers));
  using Handled = httplib::Server::HandlerResponse;
  http.set_pre_routing_handler([this](const httplib::Request& request, httplib::Response& response) {
    return pages_->admit(request, response) ? Handled::Unhandled : Handled::Handled;
  });
  http.Post("/api/v1/[A-Za-z]+", [this](const auto& request, auto& response) { pages_->call(request, response); });
  http.Get("/api/v1/[A-Za-z]+", [this](const auto& request, auto& response) { pages_->stream(request, response); });
  http.Get("/session", [this](const auto& request, auto& response) { pages_->session(request, response); });
  http.Post("/session", [this](const auto& request, auto& response) { pages_->sign_in(request, response); });
  http.Delete("/session", [this](const auto& request, auto& response) { pages_->sign_out(request, response); });
  http.Get("/.*", [this](const auto& request, auto& response) { pages_->file(request, response); });
  http.set_exception_handler([](const httplib::Request& request, httplib::Response& response, std::exception_ptr) {
    spdlog::error("web: a request failed");
    set_json(request, response, refusal(500, "INTERNAL", "the request failed; the control plane's log has more"));
  });

  const int port = options_.port == 0                                ? http.bind_to_any_port(options_.host)
                   : http.bind_to_port(options_.host, options_.port) ? options_.port
                                                                     : -1;
  if (port <= 0)
    return Error{Code::kUnavailable, "the web page cannot listen on " + options_.host + ":" +
                                         std::to_string(options_.port) +
                                         ": the address is in use, or this user may not use it"};
  port_ = static_cast<uint16_t>(port);
  thread_ = std::thread([&http] { http.listen_after_bind(); });
  return {};
}

void Server::stop() {
  if (!thread_.joinable()) return;
  while (!http_->is_running()) std::this_thread::yield();  // stop() before the thread listens would be lost
  http_->stop();
  thread_.join();
}

}  // namespace rs::web
