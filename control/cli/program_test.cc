// SPDX-License-Identifier: Apache-2.0
//
// Every command as users run it, against a control plane of real gRPC with made-up endings.
#include "control/cli/program.h"

#include <fcntl.h>
#include <gmock/gmock.h>
#include <gtest/gtest.h>
#include <sys/mman.h>
#include <unistd.h>

#include <csignal>
#include <cstdlib>
#include <filesystem>
#include <fstream>
#include <nlohmann/json.hpp>
#include <sstream>
#include <thread>

#include "control/cli/fake_server.h"
#include "control/cli/program_fixture.h"

namespace rs::cli {
namespace {

using ::testing::EndsWith;
using ::testing::HasSubstr;
using ::testing::Not;
using ::testing::StartsWith;

TEST_F(Program, ListTable) {
  service_.hidden_benign = 5;
  const Ran ran = command({"resets", "list"});
  EXPECT_EQ(ran.status, 0);
  EXPECT_THAT(ran.out, StartsWith("when (UTC)"));
  EXPECT_THAT(
      ran.out,
      HasSubstr("2026-11-25 10:43:18.123  10.0.2.9:8080  10.0.1.7:40123  port_closed  server  syn     95%      3\n"));
  EXPECT_EQ(std::count(ran.out.begin(), ran.out.end(), '\n'), 4);
  EXPECT_EQ(ran.err, "note: 5 benign endings are left out; --benign shows them.\n");
  EXPECT_TRUE(service_.list_request.last());
  EXPECT_TRUE(service_.list_request.brief());
  EXPECT_EQ(service_.list_request.page_size(), 100U);
}

TEST_F(Program, ListWideSaysMore) {
  const Ran ran = command({"resets", "list", "-o", "wide"});
  EXPECT_THAT(ran.out, HasSubstr("host_fw_reject 4%"));
  EXPECT_THAT(ran.out, HasSubstr("nothing listens on that port."));
}

TEST_F(Program, ListJson) {
  const Ran ran = command({"resets", "list", "-o", "json"});
  EXPECT_EQ(ran.status, 0);
  const auto lines = json_lines(ran.out);
  ASSERT_EQ(lines.size(), 3U);
  EXPECT_LT(lines[0]["time"], lines[2]["time"]);
  EXPECT_FALSE(service_.list_request.brief());
}

TEST_F(Program, ListCsv) {
  const Ran ran = command({"resets", "list", "-o", "csv"});
  EXPECT_EQ(std::count(ran.out.begin(), ran.out.end(), '\n'), 4);
  EXPECT_THAT(ran.out, StartsWith("time,client_ip,"));
}

TEST_F(Program, ListPages) {
  service_.events.clear();
  for (uint64_t i = 0; i < 25'000; ++i) service_.events.push_back(sample_event(i));
  Ran ran = command({"resets", "list", "--all", "-o", "json"});
  EXPECT_EQ(ran.status, 0);
  EXPECT_EQ(std::count(ran.out.begin(), ran.out.end(), '\n'), 25'000);
  EXPECT_EQ(service_.pages, 25);  // 1,000 each
  const auto first = nlohmann::json::parse(ran.out.substr(0, ran.out.find('\n')));
  EXPECT_EQ(first["id"], "000000000000abc0");
  ran = command({"resets", "list", "--first", "12000", "-o", "json"});
  EXPECT_EQ(std::count(ran.out.begin(), ran.out.end(), '\n'), 12'000);
}

TEST_F(Program, ListOfAnyLengthIsWholeAndInOrderWhateverThePages) {
  struct Case {
    size_t events, largest_page;
    bool knows_skip;  // an older server does not, and answers as if it had not been asked to
  };
  for (const Case c : {Case{1, 10'000, true}, Case{1000, 10'000, true}, Case{1001, 10'000, true},
                       Case{2000, 10'000, true}, Case{3999, 10'000, true}, Case{4001, 10'000, true},
                       Case{4001, 10'000, false}, Case{300, 7, true}, Case{300, 7, false}}) {
    SCOPED_TRACE(std::to_string(c.events) + " events, pages of " + std::to_string(c.largest_page));
    service_.events.clear();
    for (uint64_t i = 0; i < c.events; ++i) service_.events.push_back(sample_event(i));
    service_.largest_page = c.largest_page;
    service_.knows_skip = c.knows_skip;
    const auto lines = json_lines(command({"resets", "list", "--all", "-o", "json"}).out);
    ASSERT_EQ(lines.size(), c.events);
    for (size_t i = 0; i < lines.size(); ++i) ASSERT_EQ(lines[i]["id"], service_.events[i].id());
  }
}

TEST_F(Program, ListPutsTheNewestLastWhateverThePages) {
  service_.events.clear();
  for (uint64_t i = 0; i < 30; ++i) service_.events.push_back(sample_event(i));
  service_.largest_page = 7;
  service_.hidden_benign = 2;
  for (const char* how : {"--last", "--first"}) {
    const Ran ran = command({"resets", "list", how, "20", "-o", "json"});
    const auto lines = json_lines(ran.out);
    ASSERT_EQ(lines.size(), 20U) << how;
    for (size_t i = 1; i < lines.size(); ++i) EXPECT_LT(lines[i - 1]["time"], lines[i]["time"]);
    EXPECT_EQ(lines[0]["id"], how == std::string("--last") ? "000000000000abca" : "000000000000abc0");
    EXPECT_THAT(ran.err, HasSubstr("2 benign endings"));
  }
}

TEST_F(Program, ListSendsFilterAndTime) {
  EXPECT_EQ(command({"resets", "list", "--client-ip", "10.0.0.0/8", "--port", "80,443", "--not", "--cause", "port_scan",
                     "--filter", "idle > 5m", "--since", "2026-11-25T10:00:00Z", "--until", "2026-11-25T11:00:00Z",
                     "--benign", "--last", "7"})
                .status,
            0);
  EXPECT_EQ(service_.list_request.filter(),
            "client_ip in 10.0.0.0/8 and port in (80, 443) and not cause = port_scan and (idle > 5m)");
  EXPECT_EQ(service_.list_request.range().since().seconds(), 1'795'600'800);
  EXPECT_EQ(service_.list_request.range().until().seconds(), 1'795'604'400);
  EXPECT_TRUE(service_.list_request.include_benign());
  EXPECT_EQ(service_.list_request.page_size(), 7U);
}

TEST_F(Program, ListOfNothing) {
  service_.events.clear();
  service_.notes = {"sensor fra1 has been silent since 03:12"};
  const Ran ran = command({"resets", "list"});
  EXPECT_EQ(ran.status, 0);
  EXPECT_EQ(ran.out, "");
  EXPECT_EQ(ran.err, "No endings match.\nnote: sensor fra1 has been silent since 03:12\n");
  EXPECT_EQ(command({"resets", "list", "-q"}).err, "");
}

TEST_F(Program, NoColorOffATerminalUnlessForced) {
  EXPECT_THAT(command({"resets", "list"}).out, Not(HasSubstr("\x1b")));
  EXPECT_THAT(command({"resets", "list", "--color", "always"}).out, HasSubstr("\x1b[38;5;214mport_closed"));
  EXPECT_THAT(command({"resets", "list", "--color", "always", "--no-color"}).out, Not(HasSubstr("\x1b")));
}

TEST_F(Program, WhyReadsLikeAnAnswer) {
  service_.events.resize(1);
  const Ran ran = command({"why", "10.0.1.7", "10.0.2.9:8080"});
  EXPECT_EQ(ran.status, 0);
  EXPECT_THAT(ran.out, StartsWith("10.0.2.9:8080 refused 10.0.1.7: nothing listens on that port.\n"));
  for (const char* part :
       {"port_closed, confidence 95%",
        "host_fw_reject (Rejected by the server's own firewall), confidence 4%; margin 91 points", "the server itself",
        "Zeek REJ, Cloudflare post_syn, Linux NO_SOCKET", "+0.000 ms  client", "+1.500 ms  client",
        "the client asks to connect (SYN)", "   +2.10  the RST has the shape of a refusal",
        "   -0.25  the type-of-service test says nothing", "What speaks against it", "  ss -ltnp 'sport = :8080'\n",
        "  # on the firewall: its log\n", "Start the service."})
    EXPECT_THAT(ran.out, HasSubstr(part));
  EXPECT_THAT(ran.out, Not(HasSubstr("\x1b")));  // the server's name carries an escape sequence
  EXPECT_EQ(service_.why_request.client(), "10.0.1.7");
  EXPECT_EQ(service_.why_request.server(), "10.0.2.9:8080");
  EXPECT_EQ(ran.err, "note: 4 older endings between these two; --limit shows more.\n");
}

TEST_F(Program, WhyById) {
  const Ran ran = command({"why", "000000000000abc0", "-o", "json"});
  EXPECT_EQ(ran.status, 0);
  EXPECT_EQ(service_.why_request.event_id(), "000000000000abc0");
  const auto lines = json_lines(ran.out);
  ASSERT_EQ(lines.size(), 3U);
  EXPECT_EQ(lines[0]["advice"]["title"], "Port closed");
  EXPECT_EQ(lines[0]["margin"], 0.91);
}

TEST_F(Program, WhyNotFoundAndBadArguments) {
  service_.events.clear();
  EXPECT_EQ(command({"why", "10.0.1.7", "10.0.2.9"}).status, 1);
  for (const std::vector<std::string>& bad : {std::vector<std::string>{"10.0.1.7"},
                                              {"10.0.1.7", "host:80"},
                                              {"10.0.1.7:70000", "10.0.2.9"},
                                              {"[::1", "::1"},
                                              {"::1]:5", "::1"},
                                              {"a", "b", "c"}}) {
    auto args = bad;
    args.insert(args.begin(), "why");
    EXPECT_EQ(command(args).status, 2) << bad[0];
  }
  EXPECT_EQ(command({"why", "[2001:db8::1]:5", "2001:db8::2"}).status, 1);
}

TEST_F(Program, Top) {
  Ran ran = command({"top", "--by", "service,cause", "--limit", "5", "--metric", "resets"});
  EXPECT_EQ(ran.status, 0);
  EXPECT_EQ(ran.out,
            "service        cause        resets  share  mostly       by      last (UTC)\n"
            "10.0.2.9:8080  port_closed   1,234    75%  port_closed  server  2026-11-25 10:43:18\n");
  EXPECT_EQ(ran.err, "note: the rows not shown come to 411; --limit shows more.\n");
  EXPECT_EQ(service_.top_request.by(1), v1::DIMENSION_CAUSE);
  EXPECT_EQ(service_.top_request.metric(), v1::METRIC_RESETS);
  ran = command({"top", "--by", "cause", "-o", "json"});
  EXPECT_EQ(json_lines(ran.out)[0]["value"], 1234);
  EXPECT_EQ(command({"top", "-o", "csv"}).out,
            "service,value,share,top_cause,top_origin,last_seen\n10.0.2.9:8080,1234,0.75,port_closed,server,2026-11-"
            "25T10:43:18.123456789Z\n");
  EXPECT_EQ(command({"top", "--by", "service,cause,origin"}).status, 2);
  EXPECT_EQ(command({"top", "--by", "unspecified"}).status, 2);
  ran = command({"top", "--by", "servise"});
  EXPECT_EQ(ran.status, 2);
  EXPECT_THAT(ran.err, HasSubstr("did you mean service?"));
}

TEST_F(Program, Sensors) {
  Ran ran = command({"sensors"});
  EXPECT_THAT(ran.out, HasSubstr("fra1    connected"));
  EXPECT_THAT(ran.out, HasSubstr("1,000,000      12    3 s"));
  const auto sensor = json_lines(command({"sensors", "-o", "json"}).out)[0];
  EXPECT_EQ(sensor["counters"]["tracked"], 900'000);
  EXPECT_EQ(sensor["boot"], "18446744073709551615");
  EXPECT_EQ(sensor["blind_seconds"], 3);
  EXPECT_EQ(sensor["losses"][0]["missed_packets"], 12);
  EXPECT_THAT(command({"sensors", "-o", "csv"}).out,
              HasSubstr("\nfra1,0.1.0,true,2026-11-25T10:43:18.123456789Z,2,1000000,"));
}

TEST_F(Program, Status) {
  Ran ran = command({"status"});
  EXPECT_EQ(ran.status, 0);
  EXPECT_THAT(ran.out, HasSubstr("20,000 in 12,345 rows, 2026-11-25 10:43:18.123 to 2026-11-25 10:44:18.123 UTC"));
  EXPECT_THAT(ran.out, HasSubstr("missed: 12 (0.0012%)"));
  EXPECT_EQ(json_lines(command({"status", "-o", "json"}).out)[0]["endings"], 20'000);
}

TEST_F(Program, WatchResumesWhereItWasAndStopsOnASignal) {
  std::vector<uint64_t> cursors;
  std::vector<uint32_t> lasts;
  service_.watch = [&](int n, const v1::WatchResetsRequest& request,
                       grpc::ServerWriter<v1::WatchResetsResponse>* writer) {
    cursors.push_back(request.resume_cursor());
    lasts.push_back(request.last());
    v1::WatchResetsResponse response;
    *response.mutable_event() = service_.events[static_cast<size_t>(n)];
    writer->Write(response);
    if (n == 0) {
      response.set_heartbeat_cursor(17);
      writer->Write(response);
      return grpc::Status(grpc::StatusCode::UNAVAILABLE, "restarting");
    }
    response.set_lost_events(2);
    writer->Write(response);
    std::this_thread::sleep_for(std::chrono::milliseconds(300));
    kill(getpid(), SIGINT);
    std::this_thread::sleep_for(std::chrono::milliseconds(300));
    return grpc::Status::OK;
  };
  const Ran ran = command({"resets", "watch", "-o", "json", "--last", "4"});
  EXPECT_EQ(ran.status, 0);
  EXPECT_EQ(json_lines(ran.out).size(), 2U);
  EXPECT_EQ(cursors, (std::vector<uint64_t>{0, 17}));
  EXPECT_EQ(lasts, (std::vector<uint32_t>{4, 0}));
  EXPECT_THAT(ran.err, HasSubstr("went away; asking again"));
  EXPECT_THAT(ran.err, HasSubstr("2 endings were skipped"));
}

TEST_F(Program, WatchGoesOnWithAnotherStore) {
  std::vector<uint64_t> cursors;
  service_.watch = [&](int n, const v1::WatchResetsRequest& request,
                       grpc::ServerWriter<v1::WatchResetsResponse>* writer) {
    cursors.push_back(request.resume_cursor());
    v1::WatchResetsResponse response;
    response.set_heartbeat_cursor(99);
    if (n == 0) writer->Write(response);
    if (n == 0) return grpc::Status(grpc::StatusCode::UNAVAILABLE, "restarting");
    if (n == 1) return grpc::Status(grpc::StatusCode::OUT_OF_RANGE, "another store");
    kill(getpid(), SIGTERM);
    std::this_thread::sleep_for(std::chrono::milliseconds(300));
    return grpc::Status::OK;
  };
  const Ran ran = command({"resets", "watch"});
  EXPECT_EQ(ran.status, 0);
  EXPECT_EQ(cursors, (std::vector<uint64_t>{0, 99, 0}));
  EXPECT_THAT(ran.err, HasSubstr("another store"));
}

TEST_F(Program, WatchEndsWhenItsReaderGoes) {
  service_.watch = [&](int, const v1::WatchResetsRequest&, grpc::ServerWriter<v1::WatchResetsResponse>* writer) {
    v1::WatchResetsResponse response;
    *response.mutable_event() = service_.events[0];
    while (writer->Write(response)) std::this_thread::sleep_for(std::chrono::milliseconds(1));
    return grpc::Status::OK;
  };
  int fds[2];
  ASSERT_EQ(pipe(fds), 0);
  close(fds[0]);
  const int err = memfd_create("err", MFD_CLOEXEC);
  EXPECT_EQ(run_program({"resets", "watch", "--server", address_}, fds[1], err), 0);
  close(fds[1]);
  EXPECT_EQ(content(err), "");
}

TEST_F(Program, WatchGivesUpOnABadFilterAndAtFirstIfNobodyIsThere) {
  service_.watch = [](int, const v1::WatchResetsRequest&, grpc::ServerWriter<v1::WatchResetsResponse>*) {
    return grpc::Status(grpc::StatusCode::INVALID_ARGUMENT, "filter, column 3: unknown field \"x\"");
  };
  Ran ran = command({"resets", "watch", "--filter", "x = 1"});
  EXPECT_EQ(ran.status, 2);
  EXPECT_EQ(ran.err, "resetscope: filter, column 3: unknown field \"x\"\n");
  stop();
  ran = command({"resets", "watch", "--timeout", "1s"});
  EXPECT_EQ(ran.status, 1);
  EXPECT_THAT(ran.err, HasSubstr("Is resetscope-control running there?"));
}

TEST_F(Program, ErrorsOfTheControlPlane) {
  service_.answer = {grpc::StatusCode::INVALID_ARGUMENT, "filter, column 1: nonsense"};
  Ran ran = command({"resets", "list", "--filter", "nonsense"});
  EXPECT_EQ(ran.status, 2);
  EXPECT_EQ(ran.err, "resetscope: filter, column 1: nonsense\n");
  service_.answer = {grpc::StatusCode::UNIMPLEMENTED, ""};
  ran = command({"top"});
  EXPECT_EQ(ran.status, 1);
  EXPECT_THAT(ran.err, HasSubstr("does not serve this call"));
  stop();
  ran = command({"status"});
  EXPECT_EQ(ran.status, 1);
  EXPECT_THAT(ran.err, HasSubstr("cannot reach the control plane at " + address_));
}

TEST_F(Program, AFullDiskIsAnError) {
  const int full = open("/dev/full", O_WRONLY | O_CLOEXEC), err = memfd_create("err", MFD_CLOEXEC);
  ASSERT_GE(full, 0);
  EXPECT_EQ(run_program({"resets", "list", "--server", address_}, full, err), 1);
  EXPECT_THAT(content(err), HasSubstr("cannot write the answer: No space left on device"));
  close(full);
}

TEST_F(Program, VariablesStandForFlags) {
  setenv("RESETSCOPE_SERVER", address_.c_str(), 1);
  setenv("RESETSCOPE_OUTPUT", "json", 1);
  setenv("RESETSCOPE_CAUSE", "port_closed,port_scan", 1);
  Ran ran = run({"resets", "list"});
  EXPECT_EQ(ran.status, 0) << ran.err;
  EXPECT_EQ(json_lines(ran.out).size(), 3U);
  EXPECT_EQ(service_.list_request.filter(), "cause in (port_closed, port_scan)");
  ran = run({"resets", "list", "-o", "csv"});
  EXPECT_THAT(ran.out, StartsWith("time,"));
  for (const char* name : {"RESETSCOPE_SERVER", "RESETSCOPE_OUTPUT", "RESETSCOPE_CAUSE"}) unsetenv(name);
}

TEST(Usage, BadUsageIsStatusTwo) {
  for (const std::vector<std::string>& args :
       std::vector<std::vector<std::string>>{{},
                                             {"nonsense"},
                                             {"resets"},
                                             {"resets", "lits"},
                                             {"resets", "list", "--nonsense"},
                                             {"resets", "list", "extra"},
                                             {"--nonsense"},
                                             {"resets", "list", "--first", "1", "--last", "1"},
                                             {"resets", "list", "--last", "0"},
                                             {"resets", "list", "--last", "20000"},
                                             {"resets", "list", "--since", "yesterday"},
                                             {"resets", "list", "--since", "1h", "--until", "2h"},
                                             {"resets", "list", "--cause", "x"},
                                             {"resets", "list", "-o", "xml"},
                                             {"resets", "list", "--color", "red"},
                                             {"resets", "list", "--timeout", "soon"},
                                             {"resets", "list", "--not", "--all"},
                                             {"completion", "tcsh"},
                                             {"completion"},
                                             {"admin"},
                                             {"admin", "log-level"},
                                             {"admin", "audit", "--last", "0"},
                                             {"config"},
                                             {"config", "check"},
                                             {"config", "check", "x.yaml", "--for", "nobody"},
                                             {"status", "--server", "10.0.0.1:50061"},
                                             {"status", "--server", "127.0.0.1.example.com:1"},
                                             {"why"},
                                             {"analyze"},
                                             {"help", "nonsense"},
                                             {"status", "-o"}}) {
    const Ran ran = run(args);
    EXPECT_EQ(ran.status, 2) << (args.empty() ? "" : args.back());
    EXPECT_EQ(ran.out, "");
    EXPECT_THAT(ran.err, StartsWith("resetscope: "));
    EXPECT_EQ(std::count(ran.err.begin(), ran.err.end(), '\n'), 1) << ran.err;
  }
}

TEST(Usage, MistypedThingsAreSuggested) {
  EXPECT_THAT(run({"resets", "list", "--serverip", "x"}).err,
              HasSubstr("unknown flag --serverip; did you mean --server-ip?"));
  EXPECT_THAT(run({"statsu"}).err, HasSubstr("unknown command \"statsu\"; did you mean status?"));
  EXPECT_THAT(run({"resets", "lits"}).err, HasSubstr("did you mean list?"));
}

TEST(Usage, Help) {
  for (const std::vector<std::string>& args : std::vector<std::vector<std::string>>{{"--help"},
                                                                                    {"help"},
                                                                                    {"resets", "--help"},
                                                                                    {"resets", "list", "--help"},
                                                                                    {"resets", "watch", "-h"},
                                                                                    {"why", "--help"},
                                                                                    {"top", "--help"},
                                                                                    {"sensors", "--help"},
                                                                                    {"status", "--help"},
                                                                                    {"analyze", "--help"},
                                                                                    {"completion", "--help"},
                                                                                    {"version", "--help"},
                                                                                    {"admin", "--help"},
                                                                                    {"admin", "audit", "--help"},
                                                                                    {"config", "check", "--help"},
                                                                                    {"heatmap", "--help"},
                                                                                    {"help", "resets", "list"}}) {
    const Ran ran = run(args);
    EXPECT_EQ(ran.status, 0);
    EXPECT_EQ(ran.err, "");
    EXPECT_THAT(ran.out, HasSubstr("Usage: resetscope"));
    EXPECT_THAT(ran.out, HasSubstr("--server ADDRESS"));
    std::istringstream lines(ran.out);
    for (std::string line; std::getline(lines, line);) EXPECT_LE(line.size(), 110U) << line;
  }
  EXPECT_THAT(run({"help", "filter"}).out, HasSubstr("keepalive_timeout"));
  EXPECT_THAT(run({"help", "environment"}).out, HasSubstr("RESETSCOPE_SERVER"));
  EXPECT_THAT(run({"help", "exit"}).out, HasSubstr("2  bad usage"));
}

TEST(Usage, Version) {
  EXPECT_EQ(run({"version"}).out, "resetscope " RS_VERSION "\n");
  EXPECT_EQ(run({"--version"}).out, "resetscope " RS_VERSION "\n");
  EXPECT_EQ(run({"--version"}).status, 0);
  EXPECT_EQ(run({"version", "-o", "json"}).out, "{\"version\":\"" RS_VERSION "\"}\n");
}

TEST(Usage, CompletionScriptsParse) {
  for (const char* shell : {"bash", "zsh", "fish"}) {
    const Ran ran = run({"completion", shell});
    EXPECT_EQ(ran.status, 0);
    EXPECT_THAT(ran.out, HasSubstr("keepalive_timeout"));
    EXPECT_THAT(ran.out, HasSubstr("watch"));
    EXPECT_THAT(ran.out, Not(HasSubstr("not-cause")));
  }
  const std::string path = "/tmp/resetscope-completion-" + std::to_string(getpid());
  std::ofstream(path) << run({"completion", "bash"}).out;
  // The script completes values, flags and commands.
  const auto complete = [&](const std::string& words, int at) {
    const std::string script = "source " + path + "; COMP_WORDS=(" + words + "); COMP_CWORD=" + std::to_string(at) +
                               "; _resetscope; echo \"${COMPREPLY[*]}\"";
    FILE* pipe = popen(("bash -c '" + script + "' 2>&1").c_str(), "r");
    std::string out;
    for (int c; (c = fgetc(pipe)) != EOF;) out += static_cast<char>(c);
    EXPECT_EQ(pclose(pipe), 0);
    return out;
  };
  EXPECT_EQ(complete("resetscope re", 1), "resets\n");
  EXPECT_EQ(complete("resetscope resets li", 2), "list\n");
  EXPECT_EQ(complete("resetscope resets list --cause port_c", 4), "port_closed\n");
  EXPECT_EQ(complete("resetscope resets list --serv", 3), "--server-ip --service --server\n");
  std::filesystem::remove(path);
}

}  // namespace
}  // namespace rs::cli
