// SPDX-License-Identifier: Apache-2.0
//
// `resetscope why`: one ending explained as a colleague would.
#include <algorithm>
#include <charconv>

#include "control/cli/event_fields.h"
#include "control/cli/explain.h"
#include "control/cli/text.h"

namespace rs::cli {
namespace {

struct Options {
  std::vector<std::string> what;
  Selection selection;
  uint32_t limit = 1;
};

constexpr char kWanted[] =
    "; write an event's id (16 hexadecimal digits), or client address[:port] and server address[:port]";

bool is_event_id(const std::string& text) {
  return text.size() == 16 && text.find_first_not_of("0123456789abcdefABCDEF") == std::string::npos;
}

// "10.0.2.9", "10.0.2.9:8080", "2001:db8::1", "[2001:db8::1]:443".
bool is_end(const std::string& text) {
  if (is_address(text, false)) return true;
  const size_t colon = text.rfind(':');
  if (colon == std::string::npos)
    return text.size() > 2 && text.front() == '[' && text.back() == ']' &&
           is_address(text.substr(1, text.size() - 2), false);
  unsigned port = 0;
  const char* end = text.data() + text.size();
  const auto [at, error] = std::from_chars(text.data() + colon + 1, end, port);
  std::string host = text.substr(0, colon);
  if (host.size() > 2 && host.front() == '[' && host.back() == ']')
    host = host.substr(1, host.size() - 2);
  else if (host.find(':') != std::string::npos)
    return text.back() == ']' && text.front() == '[' && is_address(text.substr(1, text.size() - 2), false);
  return error == std::errc{} && at == end && port <= 65'535 && is_address(host, false);
}

Result<v1::WhyRequest> request_of(const Options& options, UnixNs now) {
  v1::WhyRequest request;
  if (options.what.size() == 1) {
    if (!is_event_id(options.what[0]))
      return Error{Code::kInvalid, "\"" + options.what[0] + "\" alone is no event" + kWanted};
    request.set_event_id(options.what[0]);
  } else {
    for (const std::string& end : options.what)
      if (!is_end(end)) return Error{Code::kInvalid, "\"" + end + "\" is no address with or without port" + kWanted};
    request.set_client(options.what[0]);
    request.set_server(options.what[1]);
  }
  request.set_limit(options.limit);
  if (auto ok = resolve(options.selection, now, request.mutable_range()); !ok) return ok.error();
  return request;
}

int run(const Options& options, Session& session) {
  auto request = request_of(options, session.now);
  if (!request) return session.fail(request.error());
  Client client = session.connect();
  v1::WhyResponse response;
  if (auto done = client.call(&Client::Stub::Why, *request, &response); !done) return session.fail(done.error());
  if (response.explanations_size() == 0) {
    say_completeness(session, response.completeness(), false);
    const bool pair = options.what.size() == 2;
    return session.fail({Code::kNotFound, pair ? "no ending between " + options.what[0] + " and " + options.what[1] +
                                                     " is known" +
                                                     (options.selection.since.empty() ? "" : " in that time") + "."
                                               : "no ending with the id " + options.what[0] + " is known."});
  }
  std::string& out = session.out.buffer();
  if (session.format == Format::kCsv) {
    append_event_csv_header(out);
    out += '\n';
  }
  bool first = true;
  for (const v1::Explanation& x : response.explanations()) {
    if (session.format == Format::kJson) {
      append_explanation_json(out, x);
      out += '\n';
    } else if (session.format == Format::kCsv) {
      append_event_csv(out, x.event());
      out += '\n';
    } else {
      if (!first)
        out += "\n" + std::string(std::min<size_t>(session.style.width == 0 ? 80 : session.style.width, 100), '-') +
               "\n\n";
      append_explanation(out, x, session.style);
    }
    first = false;
  }
  session.out.flush();
  const auto shown = static_cast<uint64_t>(response.explanations_size());
  if (response.matching() > shown)
    session.notes.note("note: " + counted(response.matching() - shown, "older ending", "older endings") +
                       " between these two; --limit shows more.");
  say_completeness(session, response.completeness(), false);
  return kDone;
}

}  // namespace

void add_why(Commands& commands) {
  CLI::App* why = commands.app.add_subcommand("why", "explain one ending: who, why, how sure, what to check");
  auto options = std::make_shared<Options>();
  why->add_option("what", options->what, "client address[:port] and server address[:port], or one event id")
      ->type_name("CLIENT SERVER | ID")
      ->required()
      ->expected(1, 2);
  add_time_flags(*why, options->selection);
  why->add_option("--limit", options->limit, "explain the newest N endings between the two")
      ->type_name("N")
      ->check(CLI::Range(1, 100).description(""))
      ->capture_default_str();
  why->footer(
      "Examples:\n"
      "  resetscope why 10.0.1.7 10.0.2.9:8080\n"
      "  resetscope why '[2001:db8::7]:51234' '[2001:db8::9]:443' --since 1h\n"
      "  resetscope why 00c0ffee00c0ffee");
  why->callback(
      [&commands, options] { commands.run = [options](Session& session) { return run(*options, session); }; });
}

}  // namespace rs::cli
