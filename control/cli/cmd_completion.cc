// SPDX-License-Identifier: Apache-2.0
//
// `resetscope completion bash|zsh|fish`: scripts made from the very flags and words the parser knows.
#include "control/cli/session.h"

namespace rs::cli {
namespace {

using std::string;

struct FlagInfo {
  string name;  // "--output"
  string help;
  string words;  // blank-separated, empty if free text
  bool takes_value = false;
  bool file = false;
};

struct CommandInfo {
  string path;  // "resets list"; empty: the program
  string help;
  std::vector<FlagInfo> flags;
  string words;  // subcommands or positional words
  bool files = false;
};

string join(const std::vector<string>& words) {
  string out;
  for (const string& word : words) out.append(out.empty() ? "" : " ").append(word);
  return out;
}

template <class E>
string given_words() {
  auto all = words<E>();
  all.erase(all.begin());  // "unspecified"
  return join(all);
}

string words_of_flag(const string& name) {
  if (const FilterFlag* flag = find_filter_flag(name.substr(2)); flag != nullptr && flag->words != nullptr)
    return join(flag->words());
  if (name == "--output") return "table wide json csv";
  if (name == "--color") return "auto always never";
  if (name == "--for") return "control sensor names";
  if (name == "--by" || name == "--x" || name == "--y") return given_words<v1::Dimension>();
  if (name == "--metric") return given_words<v1::Metric>();
  if (name == "--since" || name == "--until") return "5m 15m 1h 3h 24h 7d";
  return "";
}

// Options shown in help; those without group are for the parser only.
void add_flags(std::vector<FlagInfo>& flags, const CLI::App& app) {
  for (const CLI::Option* option : app.get_options()) {
    if (option->get_positional() || option->get_group().empty() || option->get_lnames().empty()) continue;
    const string name = "--" + option->get_lnames()[0];
    flags.push_back({name, option->get_description(), words_of_flag(name), option->get_items_expected_max() > 0,
                     option->get_type_name() == "FILE"});
  }
}

void collect(std::vector<CommandInfo>& commands, const CLI::App& app, const CLI::App& root, const string& path) {
  CommandInfo info{path, app.get_description(), {}, {}, app.get_name() == "analyze" || app.get_name() == "check"};
  add_flags(info.flags, app);
  if (&app != &root) add_flags(info.flags, root);
  std::vector<string> names;
  for (const CLI::App* sub : app.get_subcommands([](const CLI::App*) { return true; }))
    if (!sub->get_name().empty()) names.push_back(sub->get_name());
  info.words = join(names);
  if (app.get_name() == "log-level") info.words = "debug info warn error";
  if (app.get_name() == "completion") info.words = "bash zsh fish";
  if (app.get_name() == "help") {
    info.words = "filter environment exit";
    for (const CLI::App* command : root.get_subcommands([](const CLI::App*) { return true; }))
      if (command->get_name() != "help") info.words += " " + command->get_name();
  }
  commands.push_back(std::move(info));
  for (const CLI::App* sub : app.get_subcommands([](const CLI::App*) { return true; }))
    if (!sub->get_name().empty())
      collect(commands, *sub, root, path.empty() ? sub->get_name() : path + " " + sub->get_name());
}

string flag_names(const CommandInfo& command) {
  string out;
  for (const FlagInfo& flag : command.flags) out.append(out.empty() ? "" : " ").append(flag.name);
  return out;
}

// bash: the words before the cursor choose the command, the one directly before it may choose the values.
string bash_script(const std::vector<CommandInfo>& commands) {
  string out =
      "# bash completion for resetscope; load with: source <(resetscope completion bash)\n"
      "_resetscope() {\n"
      "  local cur=\"${COMP_WORDS[COMP_CWORD]}\" prev=\"${COMP_WORDS[COMP_CWORD-1]}\" path=\"\" word i\n"
      "  [[ $prev == = ]] && prev=\"${COMP_WORDS[COMP_CWORD-2]}\"\n"
      "  [[ $cur == = ]] && { cur=\"\"; prev=\"${COMP_WORDS[COMP_CWORD-1]}\"; }\n"
      "  for ((i = 1; i < COMP_CWORD; i++)); do\n"
      "    word=\"${COMP_WORDS[i]}\"\n"
      "    case \"${path:+$path }$word\" in\n";
  for (const CommandInfo& command : commands)
    if (!command.path.empty()) out += "      '" + command.path + "') path='" + command.path + "' ;;\n";
  out +=
      "    esac\n"
      "  done\n"
      "  case \"$prev\" in\n";
  std::vector<string> done;
  for (const CommandInfo& command : commands)
    for (const FlagInfo& flag : command.flags) {
      if (!flag.takes_value || std::ranges::find(done, flag.name) != done.end()) continue;
      done.push_back(flag.name);
      const string names = flag.name == "--output" ? "--output|-o" : flag.name;
      out += "    " + names + ") COMPREPLY=($(compgen -W '" + flag.words + "' -- \"$cur\")); return ;;\n";
    }
  out +=
      "  esac\n"
      "  case \"$path\" in\n";
  for (const CommandInfo& command : commands) {
    out += "    '" + command.path + "')\n";
    if (command.files)
      out += "      if [[ $cur == -* ]]; then COMPREPLY=($(compgen -W '" + flag_names(command) +
             "' -- \"$cur\")); else COMPREPLY=($(compgen -f -- \"$cur\")); fi ;;\n";
    else
      out += "      COMPREPLY=($(compgen -W '" + (command.words.empty() ? "" : command.words + " ") +
             flag_names(command) + "' -- \"$cur\")) ;;\n";
  }
  out +=
      "  esac\n"
      "}\n"
      "complete -o filenames -o bashdefault -F _resetscope resetscope\n";
  return out;
}

// Single quotes and backslashes out of a help text.
string plain(const string& text) {
  string out;
  for (const char c : text)
    if (c != '\'' && c != '\\' && c != '[' && c != ']' && c != '"' && c != '`' && c != '$') out += c;
  return out;
}

string zsh_script(const std::vector<CommandInfo>& commands) {
  string out =
      "#compdef resetscope\n"
      "# zsh completion for resetscope; load with: source <(resetscope completion zsh)\n"
      "_resetscope() {\n"
      "  local command='' word\n"
      "  for word in ${words[2,CURRENT-1]}; do\n"
      "    case \"${command:+$command }$word\" in\n";
  for (const CommandInfo& command : commands)
    if (!command.path.empty()) out += "      '" + command.path + "') command='" + command.path + "' ;;\n";
  out +=
      "    esac\n"
      "  done\n"
      "  case \"$command\" in\n";
  for (const CommandInfo& command : commands) {
    out += "    '" + command.path + "')\n      _arguments -s \\\n";
    for (const FlagInfo& flag : command.flags) {
      out += "        '*" + flag.name + (flag.takes_value ? "=[" : "[") + plain(flag.help) + "]";
      if (flag.takes_value)
        out += ":" + flag.name.substr(2) + ":" +
               (flag.file            ? "_files"
                : flag.words.empty() ? " "
                                     : "(" + flag.words + ")");
      out += "' \\\n";
    }
    out += command.files ? "        '*:file:_files' ;;\n" : "        '*:what:(" + command.words + ")' ;;\n";
  }
  out +=
      "  esac\n"
      "}\n"
      "compdef _resetscope resetscope\n";
  return out;
}

string fish_script(const std::vector<CommandInfo>& commands) {
  string out =
      "# fish completion for resetscope; load with: resetscope completion fish | source\ncomplete -c resetscope -f\n";
  for (const CommandInfo& command : commands) {
    string condition = "__fish_use_subcommand";
    if (!command.path.empty()) {
      condition.clear();
      for (size_t at = 0; at <= command.path.size();) {
        const size_t end = std::min(command.path.find(' ', at), command.path.size());
        condition.append(condition.empty() ? "" : "; and ")
            .append("__fish_seen_subcommand_from ")
            .append(command.path, at, end - at);
        at = end + 1;
      }
    }
    const string head = "complete -c resetscope -n '" + condition + "'";
    if (!command.words.empty()) out += head + " -a '" + command.words + "'\n";
    if (command.files) out += head + " -F\n";
    for (const FlagInfo& flag : command.flags) {
      out += head + " -l " + flag.name.substr(2) + " -d '" + plain(flag.help) + "'";
      if (flag.takes_value) out += flag.file ? " -r -F" : flag.words.empty() ? " -x" : " -x -a '" + flag.words + "'";
      out += '\n';
    }
  }
  return out;
}

int run(const CLI::App& app, const string& shell, Session& session) {
  std::vector<CommandInfo> commands;
  collect(commands, app, app, "");
  if (shell == "bash")
    session.out.write(bash_script(commands));
  else if (shell == "zsh")
    session.out.write(zsh_script(commands));
  else if (shell == "fish")
    session.out.write(fish_script(commands));
  else
    return session.fail({Code::kInvalid, "completion: \"" + shell + "\" is not known; there are bash, zsh and fish"});
  return kDone;
}

}  // namespace

void add_completion(Commands& commands) {
  CLI::App* completion =
      commands.app.add_subcommand("completion", "script that completes commands and flags in bash, zsh or fish");
  auto shell = std::make_shared<string>();
  completion->add_option("shell", *shell, "bash, zsh or fish")->required();
  completion->footer(
      "Load it now, or put this line into the shell's start-up file:\n  source <(resetscope completion bash)");
  completion->callback([&commands, shell] {
    commands.run = [shell, &app = commands.app](Session& session) { return run(app, *shell, session); };
  });
}

}  // namespace rs::cli
