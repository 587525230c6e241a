// SPDX-License-Identifier: Apache-2.0
//
// `resetscope resets list`: endings of the past, newest last.
#include "control/cli/event_table.h"
#include "control/cli/pages.h"
#include "control/cli/text.h"

namespace rs::cli {
namespace {

constexpr uint64_t kDefaultLast = 100;

struct Options {
  Selection selection;
  uint64_t first = 0;
  uint64_t last = 0;
  bool all = false;
};

int run(const Options& options, Session& session) {
  v1::ListResetsRequest request;
  auto filter = resolve(options.selection, session.now, request.mutable_range());
  if (!filter) return session.fail(filter.error());
  request.set_filter(*filter);
  request.set_include_benign(options.selection.benign);
  // Table and wide print no evidence; what is not asked for need not be read.
  request.set_brief(session.format == Format::kTable || session.format == Format::kWide);
  uint64_t limit = options.first;
  if (!options.all && options.first == 0) {
    limit = options.last == 0 ? kDefaultLast : options.last;
    request.set_last(true);
  }

  Client client = session.connect();
  EventPrinter printer(session, false);
  v1::Completeness completeness;
  uint64_t printed = 0;
  std::vector<v1::ListResetsResponse> newest_first;  // pages of --last, to be printed in the other order
  const auto print = [&](const v1::ListResetsResponse& page) {
    for (const v1::Event& event : page.events()) printer.print(event);
    printed += static_cast<uint64_t>(page.events_size());
    if (page.events_size() != 0) printer.flush();
    return session.out.usable();
  };
  const auto take = [&](const v1::ListResetsResponse& page) {
    if (!request.last()) return print(page);
    newest_first.push_back(page);
    return true;
  };
  if (auto done = for_each_page(client, request, limit, take, &completeness); !done) return session.fail(done.error());
  for (auto page = newest_first.rbegin(); page != newest_first.rend() && session.out.usable(); ++page) print(*page);
  if (printed == 0) {
    if (session.format == Format::kCsv) printer.flush();
    session.notes.note("No endings match.");
  } else if (options.last == 0 && limit == kDefaultLast && printed == kDefaultLast) {
    session.notes.note("note: these are the newest " + std::to_string(kDefaultLast) +
                       "; --all, --first N and --last N show more.");
  }
  say_completeness(session, completeness);
  return kDone;
}

}  // namespace

void add_resets_list(Commands& commands, CLI::App& resets) {
  CLI::App* list = resets.add_subcommand("list", "list connection endings, newest last");
  auto options = std::make_shared<Options>();
  add_filter_flags(*list, options->selection);
  add_time_flags(*list, options->selection);
  auto* last = list->add_option("--last", options->last, "the newest N (default: 100)")
                   ->type_name("N")
                   ->check(CLI::Range(1, 10'000).description(""))
                   ->group("How many");
  auto* first = list->add_option("--first", options->first, "the oldest N")
                    ->type_name("N")
                    ->check(CLI::Range(uint64_t{1}, UINT64_MAX).description(""))
                    ->group("How many");
  auto* all = list->add_flag("--all", options->all, "all of them")->group("How many");
  last->excludes(first)->excludes(all);
  first->excludes(all);
  list->footer(
      "Examples:\n"
      "  resetscope resets list --since 1h --severity problem,hostile\n"
      "  resetscope resets list --server-ip 10.0.2.0/24 --port 443 --not --cause client_cancel\n"
      "  resetscope resets list --filter 'idle > 5m and origin = middlebox' --all -o json");
  list->callback(
      [&commands, options] { commands.run = [options](Session& session) { return run(*options, session); }; });
}

}  // namespace rs::cli
