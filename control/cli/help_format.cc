// SPDX-License-Identifier: Apache-2.0
#include "control/cli/help_format.h"

#include <algorithm>

#include "control/cli/table.h"

namespace rs::cli {
namespace {

using std::string;

constexpr size_t kTextColumn = 28;
constexpr char kOwnGroup[] = "Options";  // CLI11's name for flags without a group

// "  -o, --output FORMAT     table, wide, json or csv (default: table)"
void append_entry(string& out, const string& label, const string& text) {
  string wrapped;
  append_wrapped(wrapped, text, kTextColumn, Style{});
  string head = "  " + label;
  if (head.size() + 2 > kTextColumn) {
    out += head + "\n" + wrapped;
  } else {
    head.resize(kTextColumn, ' ');
    out += head + wrapped.substr(std::min(kTextColumn, wrapped.size()));
  }
}

string label_of(const CLI::Option* option) {
  string label;
  for (const string& name : option->get_snames()) label += "-" + name + ", ";
  if (label.empty()) label = "    ";
  label += "--" + option->get_lnames()[0];
  if (option->get_items_expected_max() > 0) label += " " + option->get_type_name();
  return label;
}

string text_of(const CLI::Option* option) {
  string text = option->get_description();
  if (!option->get_default_str().empty() && option->get_items_expected_max() > 0)
    text += " (default: " + option->get_default_str() + ")";
  return text;
}

void append_group(string& out, const string& group, const CLI::App* app, const string& title) {
  const auto options =
      app->get_options([&](const CLI::Option* o) { return o->get_group() == group && o->nonpositional(); });
  if (options.empty()) return;
  out += "\n" + title + ":\n";
  for (const CLI::Option* option : options) append_entry(out, label_of(option), text_of(option));
}

}  // namespace

string path_of(const CLI::App* app) {
  string path = app->get_name();
  for (const CLI::App* at = app->get_parent(); at != nullptr; at = at->get_parent()) path = at->get_name() + " " + path;
  return path;
}

string HelpFormatter::make_help(const CLI::App* app, string /*name*/, CLI::AppFormatMode /*mode*/) const {
  const auto subcommands = app->get_subcommands([](const CLI::App* sub) { return !sub->get_name().empty(); });
  const auto positionals = app->get_options([](const CLI::Option* o) { return o->get_positional(); });
  string description = app->get_description();
  if (!description.empty() && description[0] >= 'a' && description[0] <= 'z')
    description[0] = static_cast<char>(description[0] - 'a' + 'A');
  string out = description + (description.ends_with('.') ? "" : ".") + "\n\nUsage: " + path_of(app);
  if (!subcommands.empty()) out += " COMMAND";
  for (const CLI::Option* option : positionals)
    out += option->get_required() ? " " + option->get_type_name() + (option->get_items_expected_max() > 2 ? "..." : "")
                                  : " [" + option->get_name() + "]";
  out += " [flags]\n";
  if (!subcommands.empty()) {
    out += "\nCommands:\n";
    for (const CLI::App* sub : subcommands) append_entry(out, sub->get_name(), sub->get_description());
  }
  if (!positionals.empty()) {
    out += '\n';
    for (const CLI::Option* option : positionals)
      append_entry(out, option->get_type_name().empty() ? option->get_name() : option->get_type_name(),
                   option->get_description());
  }
  append_group(out, kOwnGroup, app, "Flags");
  for (const string& group : app->get_groups())
    if (!group.empty() && group != kCommonGroup && group != kOwnGroup) append_group(out, group, app, group);
  const CLI::App* root = app;
  while (root->get_parent() != nullptr) root = root->get_parent();
  append_group(out, kCommonGroup, root, kCommonGroup);
  if (!app->get_footer().empty()) out += "\n" + app->get_footer() + "\n";
  return out;
}

}  // namespace rs::cli
