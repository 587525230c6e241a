// SPDX-License-Identifier: Apache-2.0
#include "dataplane/context/patterns.h"

#include <yaml-cpp/yaml.h>

#include <algorithm>
#include <cerrno>
#include <charconv>
#include <cstring>
#include <fstream>
#include <optional>
#include <set>
#include <utility>

namespace rs::context {
namespace {

// Our choices: a thousand patterns are three times what all protocols we know of need; a file beyond a MiB is a wrong
// file.
constexpr size_t kMaxFileBytes = 1 << 20;
constexpr size_t kMaxPatterns = 1000;
constexpr size_t kMaxProtocols = 200;
constexpr size_t kMaxValueBytes = 10;

constexpr std::string_view kPlaceNames[kPlaceCount] = {"client", "server", "rst"};
constexpr std::pair<std::string_view, ValueKind> kKinds[] = {
    {"digits", ValueKind::kDigits}, {"letters", ValueKind::kLetters}, {"u8", ValueKind::kU8},
    {"be16", ValueKind::kBe16},     {"be32", ValueKind::kBe32},       {"le16", ValueKind::kLe16},
    {"le32", ValueKind::kLe32}};

uint8_t width_of(ValueKind kind) {
  switch (kind) {
    case ValueKind::kU8:
      return 1;
    case ValueKind::kBe16:
    case ValueKind::kLe16:
      return 2;
    case ValueKind::kBe32:
    case ValueKind::kLe32:
      return 4;
    default:
      return 0;
  }
}

// FNV-1a
uint64_t digest_of(std::string_view text) {
  uint64_t h = 0xcbf29ce484222325ULL;
  for (const char c : text) h = (h ^ static_cast<uint8_t>(c)) * 0x100000001b3ULL;
  return h;
}

// One reader a file; the first thing that is wrong ends it.
class Reader {
 public:
  explicit Reader(std::string file) { set_.file = std::move(file); }

  Result<PatternSet> run(std::string_view text) {
    set_.digest = digest_of(text);
    set_.protocols.emplace_back();
    const std::vector<YAML::Node> documents = YAML::LoadAll(std::string(text));
    for (const YAML::Node& document : documents) {
      if (document.IsNull()) continue;
      if (auto done = read(document); !done) return done.error();
    }
    if (set_.version.empty()) return Error{Code::kInvalid, set_.file + ": no version; add 'version: \"1\"'"};
    if (set_.patterns.empty()) return Error{Code::kInvalid, set_.file + ": no patterns"};
    if (set_.patterns.size() > kMaxPatterns)
      return Error{Code::kInvalid, set_.file + ": more than " + std::to_string(kMaxPatterns) + " patterns"};
    std::ranges::sort(set_.windows, {}, &WindowCode::window);
    const auto twice = std::ranges::adjacent_find(set_.windows, {}, &WindowCode::window);
    if (twice != set_.windows.end())
      return Error{Code::kInvalid, set_.file + ": the window " + std::to_string(twice->window) + " is given twice"};
    return std::move(set_);
  }

 private:
  Result<void> read(const YAML::Node& document) {
    if (!document.IsMap()) return at(document, "a pattern file holds version, patterns and windows");
    std::set<std::string> seen;
    for (const auto& entry : document) {
      const std::string key = entry.first.Scalar();
      if (!seen.insert(key).second) return at(entry.first, "'" + key + "' is given twice");
      Result<void> done;
      if (key == "version") {
        set_.version = entry.second.Scalar();
      } else if (key == "patterns") {
        done = patterns(entry.second);
      } else if (key == "windows") {
        done = windows(entry.second);
      } else {
        done = at(entry.first, "unknown key '" + key + "'; the keys are version, patterns and windows");
      }
      if (!done) return done;
    }
    return {};
  }

  [[nodiscard]] Error at(const YAML::Node& node, const std::string& reason) const {
    return {Code::kInvalid, set_.file + ":" + std::to_string(node.Mark().line + 1) + ": " + reason};
  }

  Result<void> patterns(const YAML::Node& list) {
    if (!list.IsSequence()) return at(list, "'patterns' must be a list");
    for (const YAML::Node& node : list) {
      if (auto done = pattern(node); !done) return done;
    }
    return {};
  }

  Result<void> pattern(const YAML::Node& node) {
    if (!node.IsMap()) return at(node, "a pattern must hold name, from and match");
    Pattern p;
    p.line = static_cast<size_t>(node.Mark().line) + 1;
    p.name = node["name"] ? node["name"].Scalar() : std::string();
    if (p.name.empty()) return at(node, "a pattern without a name");
    if (p.name.size() >= kTextBytes) return at(node, "'" + p.name + "': a name is at most 47 bytes long");
    std::set<std::string> seen;
    for (const auto& entry : node) {
      const std::string key = entry.first.Scalar();
      if (!seen.insert(key).second) return in(p, entry.first, "'" + key + "' is given twice");
      if (auto done = field(p, key, entry.second, entry.first); !done) return done;
    }
    if (p.match.empty()) return in(p, node, "no 'match'");
    if (p.places == 0) return in(p, node, "no 'from'; say client, server or rst");
    if (p.kind == ValueKind::kNone && (!p.values.empty() || p.only_known))
      return in(p, node, "'values' and 'unknown' need a 'value'");
    if (p.examples.empty()) return in(p, node, "no example under 'yes'");
    set_.patterns.push_back(std::move(p));
    return {};
  }

  [[nodiscard]] Error in(const Pattern& p, const YAML::Node& node, const std::string& reason) const {
    return at(node, "pattern '" + p.name + "': " + reason);
  }

  Result<void> field(Pattern& p, const std::string& key, const YAML::Node& value, const YAML::Node& where) {
    if (key == "name") return {};
    if (key == "from") return places(p, value);
    if (key == "match") {
      p.match = value.IsScalar() ? value.Scalar() : std::string();
      return {};
    }
    if (key == "nocase") return flag(p, value, key, p.nocase);
    if (key == "final") return flag(p, value, key, p.final);
    if (key == "class") return class_of(p, value, p.cls);
    if (key == "protocol") return protocol(p, value);
    if (key == "value") return capture(p, value);
    if (key == "values") return values(p, value);
    if (key == "unknown") {
      if (!value.IsScalar() || value.Scalar() != "ignore") return in(p, value, "unknown: only 'ignore' is allowed");
      p.only_known = true;
      return {};
    }
    if (key == "yes" || key == "no") return examples(p, value, key == "yes");
    return in(p, where,
              "unknown key '" + key +
                  "'; the keys are name, from, match, nocase, class, final, protocol, value, "
                  "values, unknown, yes and no");
  }

  Result<void> flag(const Pattern& p, const YAML::Node& node, const std::string& key, bool& out) {
    const std::string text = node.IsScalar() ? node.Scalar() : std::string();
    if (text != "true" && text != "false") return in(p, node, key + " must be true or false");
    out = text == "true";
    return {};
  }

  Result<void> places(Pattern& p, const YAML::Node& node) {
    if (!node.IsSequence()) return in(p, node, "from must be a list of client, server and rst");
    for (const YAML::Node& item : node) {
      const auto* found = std::ranges::find(kPlaceNames, item.IsScalar() ? item.Scalar() : std::string());
      if (found == std::end(kPlaceNames)) return in(p, item, "from must be a list of client, server and rst");
      p.places = static_cast<uint8_t>(p.places | 1U << (found - std::begin(kPlaceNames)));
    }
    return {};
  }

  Result<void> class_of(const Pattern& p, const YAML::Node& node, Class& out) {
    const std::string text = node.IsScalar() ? node.Scalar() : std::string();
    const auto* found = std::ranges::find(kClassNames, text);
    if (found != kClassNames.end()) {
      out = static_cast<Class>(found - kClassNames.begin());
      return {};
    }
    std::string all;
    for (const std::string_view name : kClassNames) all.append(all.empty() ? "" : ", ").append(name);
    return in(p, node, "unknown class '" + text + "'; the classes are " + all);
  }

  Result<void> protocol(Pattern& p, const YAML::Node& node) {
    const std::string text = node.IsScalar() ? node.Scalar() : std::string();
    if (text.empty()) return in(p, node, "protocol needs a name");
    auto found = std::ranges::find(set_.protocols, text);
    if (found == set_.protocols.end()) {
      if (set_.protocols.size() > kMaxProtocols) return in(p, node, "too many protocols");
      found = set_.protocols.insert(found, text);
    }
    p.protocol = static_cast<uint8_t>(found - set_.protocols.begin());
    return {};
  }

  // {as: digits, at: end-4, bytes: 3}
  Result<void> capture(Pattern& p, const YAML::Node& node) {
    if (!node.IsMap()) return in(p, node, "value must be {as: KIND, at: PLACE, bytes: N}");
    for (const auto& entry : node) {
      const std::string key = entry.first.Scalar();
      const std::string text = entry.second.IsScalar() ? entry.second.Scalar() : std::string();
      if (key == "as") {
        const auto* kind = std::ranges::find(kKinds, text, &std::pair<std::string_view, ValueKind>::first);
        if (kind == std::end(kKinds))
          return in(p, entry.second,
                    "value: unknown kind '" + text + "'; the kinds are digits, letters, u8, be16, be32, le16, le32");
        p.kind = kind->second;
      } else if (key == "at") {
        p.from_end = text.starts_with("end");
        const auto number = p.from_end ? integer(text.size() == 3 ? "0" : text.substr(3)) : integer(text);
        if (!number || *number < -64 || *number > 64 || (!p.from_end && *number < 0))
          return in(p, entry.second, "value: at must be a byte's number from 0 to 64, end, or end-N");
        p.at = static_cast<int>(*number);
      } else if (key == "bytes") {
        const auto number = integer(text);
        if (!number || *number < 1 || *number > static_cast<int64_t>(kMaxValueBytes))
          return in(p, entry.second, "value: bytes must be 1 to 10");
        p.bytes = static_cast<uint8_t>(*number);
      } else {
        return in(p, entry.first, "value: unknown key '" + key + "'");
      }
    }
    if (p.kind == ValueKind::kNone) return in(p, node, "value: no 'as'");
    const uint8_t width = width_of(p.kind);
    if (width != 0 && p.bytes != 0) return in(p, node, "value: bytes is for digits and letters");
    if (width == 0 && p.bytes == 0) return in(p, node, "value: digits and letters need bytes");
    if (p.kind == ValueKind::kLetters && p.bytes > 8) return in(p, node, "value: at most 8 letters");
    if (width != 0) p.bytes = width;
    return {};
  }

  static std::optional<int64_t> integer(std::string_view text) {
    const bool hex = text.starts_with("0x");
    if (hex) text.remove_prefix(2);
    int64_t v = 0;
    const auto [stop, ec] = std::from_chars(text.data(), text.data() + text.size(), v, hex ? 16 : 10);
    if (ec != std::errc() || stop != text.data() + text.size() || text.empty()) return std::nullopt;
    return v;
  }

  // VALUE: [TEXT, CLASS]
  Result<void> values(Pattern& p, const YAML::Node& node) {
    if (!node.IsMap()) return in(p, node, "values must be a map of VALUE: [TEXT, CLASS]");
    const bool letters = p.kind == ValueKind::kLetters;
    if (p.kind == ValueKind::kNone) return in(p, node, "'value' must stand before 'values'");
    for (const auto& entry : node) {
      const std::string key = entry.first.Scalar();
      Value v;
      if (letters) {
        if (key.size() != p.bytes) return in(p, entry.first, "'" + key + "' is not as long as the value");
        for (const char c : key) v.key = v.key << 8 | static_cast<uint8_t>(c);
      } else {
        const auto number = integer(key);
        if (!number || *number < 0 || *number > UINT32_MAX) return in(p, entry.first, "'" + key + "' is no number");
        v.key = static_cast<uint64_t>(*number);
      }
      const YAML::Node& says = entry.second;
      if (!says.IsSequence() || says.size() != 2 || !says[0].IsScalar())
        return in(p, entry.first, "'" + key + "' must say [TEXT, CLASS]");
      v.text = says[0].Scalar();
      if (v.text.empty() || p.name.size() + 1 + v.text.size() >= kTextBytes)
        return in(p, entry.first, "'" + key + "': name and text must fit into 47 bytes");
      if (auto done = class_of(p, says[1], v.cls); !done) return done;
      p.values.push_back(std::move(v));
    }
    std::ranges::sort(p.values, {}, &Value::key);
    const auto twice = std::ranges::adjacent_find(p.values, {}, &Value::key);
    if (twice != p.values.end()) return in(p, node, "the value of '" + twice->text + "' is given twice");
    return {};
  }

  // yes: {BYTES: MEANING}, no: [BYTES]
  Result<void> examples(Pattern& p, const YAML::Node& node, bool yes) {
    if (yes ? !node.IsMap() : !node.IsSequence())
      return in(p, node, yes ? "yes must be a map of BYTES: MEANING" : "no must be a list of BYTES");
    for (const auto& entry : node) {
      const YAML::Node& text = yes ? entry.first : static_cast<const YAML::Node&>(entry);
      Example e;
      e.line = static_cast<size_t>(text.Mark().line) + 1;
      const auto bytes = unescape(text.IsScalar() ? text.Scalar() : std::string());
      if (!bytes || bytes->empty()) return in(p, text, "an example is text with \\xNN, \\r, \\n, \\t and \\\\");
      e.bytes = *bytes;
      if (yes) e.means = entry.second.IsScalar() ? entry.second.Scalar() : std::string();
      if (yes && e.means.empty()) return in(p, text, "an example under 'yes' says what it means");
      p.examples.push_back(std::move(e));
    }
    return {};
  }

  static std::optional<std::string> unescape(std::string_view text) {
    std::string out;
    for (size_t i = 0; i < text.size(); ++i) {
      if (text[i] != '\\') {
        out += text[i];
        continue;
      }
      if (++i == text.size()) return std::nullopt;
      switch (text[i]) {
        case 'r':
          out += '\r';
          break;
        case 'n':
          out += '\n';
          break;
        case 't':
          out += '\t';
          break;
        case '\\':
          out += '\\';
          break;
        case 'x': {
          unsigned v = 0;
          const char* from = text.data() + i + 1;
          const char* to = from + std::min<size_t>(2, text.size() - i - 1);
          const auto [stop, ec] = std::from_chars(from, to, v, 16);
          if (ec != std::errc() || stop != from + 2) return std::nullopt;
          out += static_cast<char>(v);
          i += 2;
          break;
        }
        default:
          return std::nullopt;
      }
    }
    return out;
  }

  // WINDOW: [MEANING, CLASS]
  Result<void> windows(const YAML::Node& node) {
    if (!node.IsMap()) return at(node, "windows must be a map of WINDOW: [MEANING, CLASS]");
    for (const auto& entry : node) {
      const auto number = integer(entry.first.Scalar());
      if (!number || *number < 1 || *number > UINT16_MAX)
        return at(entry.first, "a window is a number from 1 to 65535");
      WindowCode code;
      code.window = static_cast<uint16_t>(*number);
      const YAML::Node& says = entry.second;
      if (!says.IsSequence() || says.size() != 2 || !says[0].IsScalar() || says[0].Scalar().empty() ||
          says[0].Scalar().size() >= kTextBytes)
        return at(entry.first, "a window must say [MEANING, CLASS], the meaning in at most 47 bytes");
      code.text = says[0].Scalar();
      Pattern named;
      named.name = code.text;
      if (auto done = class_of(named, says[1], code.cls); !done) return done;
      set_.windows.push_back(std::move(code));
    }
    return {};
  }

  PatternSet set_;
};

}  // namespace

Result<PatternSet> parse_patterns(std::string_view text, const std::string& file) {
  try {
    return Reader(file).run(text);
  } catch (const YAML::Exception& e) {
    std::string where = file;
    if (e.mark.line >= 0) where.append(":").append(std::to_string(e.mark.line + 1));
    return Error{Code::kInvalid, where + ": not valid YAML: " + e.msg};
  }
}

Result<PatternSet> load_patterns(const std::string& path) {
  if (path.empty()) return parse_patterns(built_in_patterns(), "built-in patterns");
  std::ifstream in(path, std::ios::binary);
  if (!in) {
    const int why = errno;
    const Code code = why == ENOENT ? Code::kNotFound : why == EACCES ? Code::kPermission : Code::kInvalid;
    return Error{code, path + ": cannot read the patterns: " + std::strerror(why)};
  }
  std::string text(kMaxFileBytes + 1, '\0');
  in.read(text.data(), static_cast<std::streamsize>(text.size()));
  if (in.bad()) return Error{Code::kInvalid, path + ": cannot read the patterns (is it a directory?)"};
  text.resize(static_cast<size_t>(in.gcount()));
  if (text.size() > kMaxFileBytes) return Error{Code::kInvalid, path + ": larger than 1 MiB: not a pattern file"};
  return parse_patterns(text, path);
}

}  // namespace rs::context
