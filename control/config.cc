// SPDX-License-Identifier: Apache-2.0
#include "control/config.h"

#include <yaml-cpp/yaml.h>

#include <algorithm>
#include <array>
#include <cerrno>
#include <charconv>
#include <cstring>
#include <fstream>
#include <iterator>
#include <set>

#include "control/listen.h"

namespace rs::control {
namespace {

constexpr size_t kMaxFileBytes = 1 << 20;  // a configuration has some dozens of lines; more is a wrong file
constexpr std::array<std::string_view, 4> kLogLevels = {"debug", "info", "warn", "error"};

Error bad(const Key& key, const std::string& value, const std::string& wanted) {
  return {Code::kInvalid, std::string(key.name) + ": \"" + value + "\" is not " + wanted};
}

Result<uint64_t> number(const Key& key, const std::string& value, uint64_t max) {
  uint64_t v = 0;
  const auto [end, error] = std::from_chars(value.data(), value.data() + value.size(), v);
  if (error != std::errc{} || end != value.data() + value.size() || v > max)
    return bad(key, value, "a number from 0 to " + std::to_string(max));
  return v;
}

// A double-quoted YAML scalar (YAML 1.2.2 7.3.1).
std::string quoted(const std::string& text) {
  std::string out = "\"";
  for (const char c : text) {
    const auto byte = static_cast<unsigned char>(c);
    if (byte < 0x20 || byte == 0x7f) {
      constexpr std::string_view kHex = "0123456789abcdef";
      out.append("\\x").append(1, kHex[byte >> 4]).append(1, kHex[byte & 15]);
    } else {
      if (c == '"' || c == '\\') out += '\\';
      out += c;
    }
  }
  return out + '"';
}

std::string quoted_list(const std::vector<std::string>& list) {
  std::string text = "[";
  for (const std::string& one : list) text.append(text.size() > 1 ? ", " : "").append(quoted(one));
  return text.append("]");
}

// --- parsers and printers of a kind; `path`: pointers to members that lead from Config to the field ---
template <auto... path>
auto& field(Config& config) {
  return (config.*....*path);
}
template <auto... path>
const auto& field(const Config& config) {
  return (config.*....*path);
}
template <auto... path>
Result<void> parse_path(const Key& key, Config& config, Values values) {
  if (!values[0].empty() && values[0][0] != '/') return bad(key, values[0], "an absolute path (or empty for none)");
  field<path...>(config) = values[0];
  return {};
}
template <auto... path>
std::string show_text(const Config& config) {
  return quoted(field<path...>(config));
}
template <auto... path>
Result<void> parse_list(const Key& key, Config& config, Values values) {
  for (const std::string& value : values)
    if (value.empty()) return bad(key, value, "a certificate's name");
  field<path...>(config).assign(values.begin(), values.end());
  return {};
}
template <auto... path>
std::string show_list(const Config& config) {
  return quoted_list(field<path...>(config));
}
template <uint64_t max, auto... path>
Result<void> parse_number(const Key& key, Config& config, Values values) {
  const auto v = number(key, values[0], max);
  if (!v) return v.error();
  field<path...>(config) = static_cast<std::remove_reference_t<decltype(field<path...>(config))>>(*v);
  return {};
}
template <auto... path>
std::string show_number(const Config& config) {
  return std::to_string(field<path...>(config));
}
#define RS_PATH(...) parse_path<__VA_ARGS__>, show_text<__VA_ARGS__>
#define RS_NAMES(...) parse_list<__VA_ARGS__>, show_list<__VA_ARGS__>
#define RS_NUMBER(max, ...) parse_number<max, __VA_ARGS__>, show_number<__VA_ARGS__>

constexpr auto kKeys = std::to_array<Key>({
    {"server.listen", "--listen", true,
     [](const Key& key, Config& config, Values values) -> Result<void> {
       if (values.empty()) return Error{Code::kInvalid, std::string(key.name) + ": at least one address"};
       for (const std::string& value : values)
         if (auto address = parse_address(value); !address)
           return Error{Code::kInvalid, std::string(key.name) + ": " + address.error().text};
       config.listen.assign(values.begin(), values.end());
       return {};
     },
     [](const Config& config) { return quoted_list(config.listen); },
     "Where sensors and clients connect: unix:/path, or address:port. A port speaks TLS when tls.cert is set; without, "
     "it must be on the loopback (plaintext never leaves the machine)."},
    {"tls.ca", "--tls-ca", false, RS_PATH(&Config::tls, &tls::Files::ca),
     "PEM file of the CA that signs the certificates of sensors and clients. The three files are read again when they "
     "change. deploy/make-ca makes a set to try."},
    {"tls.cert", "--tls-cert", false, RS_PATH(&Config::tls, &tls::Files::cert),
     "PEM file of this server's certificate chain. \"\": no TLS."},
    {"tls.key", "--tls-key", false, RS_PATH(&Config::tls, &tls::Files::key),
     "PEM file of its private key, without a passphrase."},
    {"tls.crl_dir", "--tls-crl-dir", false, RS_PATH(&Config::tls, &tls::Files::crl_dir),
     "Directory with the CA's lists of certificates taken back, in PEM form and named by openssl rehash (HASH.r0). A "
     "newer "
     "list is put beside the older ones under the next number and holds from the next connection on. \"\": none."},
    {"access.sensors", "--access-sensors", true, RS_NAMES(&Config::access, &access::Policy::sensors),
     "Certificate names that may write as the sensor of that name, beside those whose certificate has the "
     "organisational unit resetscope-sensor. \"*\": every certificate of the CA."},
    {"access.readers", "--access-readers", true, RS_NAMES(&Config::access, &access::Policy::readers),
     "Likewise who may ask (resetscope-reader)."},
    {"access.operators", "--access-operators", true, RS_NAMES(&Config::access, &access::Policy::operators),
     "Likewise who may also change things and read the audit log (resetscope-operator)."},
    {"access.calls_per_s", "--access-calls-per-s", false,
     RS_NUMBER(1'000'000, &Config::access, &access::Policy::calls_per_s),
     "Calls a second that one certificate name may make, with bursts of as many again. 0: no limit."},
    {"access.watches", "--access-watches", false, RS_NUMBER(100'000, &Config::access, &access::Policy::watches),
     "Watches that one certificate name may hold at a time. 0: no limit."},
    {"access.audit", "--access-audit", false, RS_PATH(&Config::audit),
     "File that says who changed what, and who was refused, one JSON object a line; opened again on SIGHUP. \"\": log "
     "only."},
    {"store.path", "--store", false,
     [](const Key& key, Config& config, Values values) -> Result<void> {
       if (values[0].empty()) return bad(key, values[0], "a path or :memory:");
       config.store = values[0];
       return {};
     },
     [](const Config& config) { return quoted(config.store); },
     "The SQLite database, created when missing; its folder must exist. \":memory:\" keeps events until the program "
     "ends."},
    {"store.retention_days", "--retention-days", false,
     [](const Key& key, Config& config, Values values) -> Result<void> {
       const auto v = number(key, values[0], 36500);
       if (!v) return v.error();
       config.retention_days = static_cast<uint32_t>(*v);
       return {};
     },
     [](const Config& config) { return std::to_string(config.retention_days); },
     "Days that events are kept after they arrived. 0: for ever."},
    {"store.max_mib", "--max-store-mib", false,
     [](const Key& key, Config& config, Values values) -> Result<void> {
       const auto v = number(key, values[0], 1ull << 30);
       if (!v) return v.error();
       config.max_store_mib = *v;
       return {};
     },
     [](const Config& config) { return std::to_string(config.max_store_mib); },
     "MiB of data kept; beyond it the oldest go first. 0: no limit."},
    {"names.path", "--names", false,
     [](const Key&, Config& config, Values values) -> Result<void> {
       config.names = values[0];
       return {};
     },
     [](const Config& config) { return quoted(config.names); },
     "The names file: networks to site, service and owner; read again when it changes or on SIGHUP. \"\": none."},
    {"web.listen", "--web", false,
     [](const Key& key, Config& config, Values values) -> Result<void> {
       if (!values[0].empty()) {
         const auto address = parse_address(values[0]);
         if (!address) return Error{Code::kInvalid, std::string(key.name) + ": " + address.error().text};
         if (!address->path.empty()) return bad(key, values[0], "host:port: browsers know no Unix sockets");
       }
       config.web = values[0];
       return {};
     },
     [](const Config& config) { return quoted(config.web); },
     "Where the web page and its JSON API are served: host:port. The loopback, e.g. 127.0.0.1:8460, is plaintext and "
     "for "
     "whoever is on this machine; any other address speaks HTTPS with tls.cert, to client certificates (access.*) and "
     "web.tokens. \"\": nowhere."},
    {"web.tokens", "--web-tokens", false, RS_PATH(&Config::web_tokens),
     "File of those who may use the page by a token in place of a certificate, one a line: NAME ROLE SHA256 [UNTIL], "
     "with the role reader or operator, the SHA-256 of a long random token, and the last day of its use. Read again "
     "when "
     "it changes. \"\": none."},
    {"web.session_hours", "--web-session-hours", false,
     [](const Key& key, Config& config, Values values) -> Result<void> {
       constexpr uint64_t kMonth = 720;
       const auto v = number(key, values[0], kMonth);
       if (!v || *v == 0) return bad(key, values[0], "a number from 1 to " + std::to_string(kMonth));
       config.web_session_hours = static_cast<uint32_t>(*v);
       return {};
     },
     [](const Config& config) { return std::to_string(config.web_session_hours); },
     "Hours that a sign-in on the page with a token lasts at most: 1 to 720."},
    {"log.level", "--log-level", false,
     [](const Key& key, Config& config, Values values) -> Result<void> {
       if (std::ranges::find(kLogLevels, values[0]) == kLogLevels.end())
         return bad(key, values[0], "debug, info, warn or error");
       config.log_level = values[0];
       return {};
     },
     [](const Config& config) { return config.log_level; },
     "Least important messages to print: debug, info, warn or error."},
    {"log.format", "--log-format", false,
     [](const Key& key, Config& config, Values values) -> Result<void> {
       if (values[0] != "text" && values[0] != "json") return bad(key, values[0], "text or json");
       config.log_json = values[0] == "json";
       return {};
     },
     [](const Config& config) { return std::string(config.log_json ? "json" : "text"); },
     "text for people, json for one object a line."},
    {"metrics.listen", "--metrics-listen", false,
     [](const Key& key, Config& config, Values values) -> Result<void> {
       config.metrics_listen.clear();
       if (values[0].empty()) return {};
       const bool bare = values[0].find_first_not_of("0123456789") == std::string::npos;
       const std::string text = bare ? "127.0.0.1:" + values[0] : values[0];
       if (auto address = parse_address(text); !address || !address->path.empty())
         return bad(key, values[0], "address:port, or a port for 127.0.0.1");
       config.metrics_listen = text;
       return {};
     },
     [](const Config& config) { return quoted(config.metrics_listen); },
     "Where Prometheus may scrape /metrics, without TLS: a port for 127.0.0.1, or address:port. \"\": nowhere."},
    {"alerts.url", "--alerts-url", false,
     [](const Key& key, Config& config, Values values) -> Result<void> {
       const bool http = values[0].starts_with("http://") || values[0].starts_with("https://");
       if (!values[0].empty() && !http) return bad(key, values[0], "an http:// or https:// address");
       config.alerts_url = values[0];
       return {};
     },
     [](const Config& config) { return quoted(config.alerts_url); },
     "Where incidents are posted when they open, change and close. \"\": nowhere."},
    {"alerts.format", "--alerts-format", false,
     [](const Key& key, Config& config, Values values) -> Result<void> {
       if (values[0] != "alertmanager" && values[0] != "webhook") return bad(key, values[0], "alertmanager or webhook");
       config.alerts_format = values[0] == "webhook" ? AlertFormat::kWebhook : AlertFormat::kAlertmanager;
       return {};
     },
     [](const Config& config) {
       return std::string(config.alerts_format == AlertFormat::kWebhook ? "webhook" : "alertmanager");
     },
     "alertmanager: to an Alertmanager (http://host:9093, API v2), open ones again every minute. webhook: each change "
     "once, in the form Alertmanager itself posts to webhooks (version 4)."},
});
#undef RS_PATH
#undef RS_NAMES
#undef RS_NUMBER

// Comment lines of at most 118 columns.
void append_wrapped(std::string& out, std::string_view text) {
  constexpr size_t kColumns = 114;
  while (!text.empty()) {
    size_t cut = text.size();
    if (cut > kColumns) {
      cut = text.rfind(' ', kColumns);
      if (cut == std::string_view::npos) cut = text.size();
    }
    out.append("  # ").append(text.substr(0, cut)).append("\n");
    text.remove_prefix(std::min(cut + 1, text.size()));
  }
}

Error at(const std::string& path, const YAML::Mark& mark, const std::string& reason) {
  // yaml-cpp counts lines from 0 and gives -1 when it does not know.
  std::string text = path;
  if (mark.line >= 0) text.append(":").append(std::to_string(mark.line + 1));
  return {Code::kInvalid, text.append(": ").append(reason)};
}

std::string known_names() {
  std::string text;
  for (const Key& key : kKeys) text.append(text.empty() ? "" : ", ").append(key.name);
  return text;
}

Result<void> read_value(Config& config, const std::string& path, const Key& key, const YAML::Node& node) {
  std::vector<std::string> values;
  if (node.IsSequence() && key.list) {
    for (const YAML::Node& item : node) {
      if (!item.IsScalar()) return at(path, item.Mark(), std::string(key.name) + ": list items must be plain values");
      values.push_back(item.Scalar());
    }
  } else if (node.IsScalar()) {
    values.push_back(node.Scalar());
  } else {
    return at(path, node.Mark(),
              std::string(key.name) + (key.list ? ": needs a value or a list" : ": needs one plain value"));
  }
  if (auto done = key.parse(key, config, values); !done) return at(path, node.Mark(), done.error().text);
  return {};
}

Result<Config> read(const std::string& path, const YAML::Node& root) {
  Config config;
  if (root.IsNull()) return config;
  if (!root.IsMap()) return at(path, root.Mark(), "expected sections such as \"store:\", one a line");
  std::set<std::string> seen;
  for (const auto& section : root) {
    if (!section.first.IsScalar()) return at(path, section.first.Mark(), "a section's name must be plain text");
    const std::string prefix = section.first.Scalar() + ".";
    if (!std::ranges::any_of(kKeys, [&](const Key& key) { return key.name.starts_with(prefix); }))
      return at(path, section.first.Mark(),
                "unknown section \"" + section.first.Scalar() + "\"; keys are: " + known_names());
    if (section.second.IsNull()) continue;  // all its keys are commented out
    if (!section.second.IsMap())
      return at(path, section.second.Mark(), "\"" + section.first.Scalar() + "\" must hold keys, one a line, indented");
    for (const auto& entry : section.second) {
      if (!entry.first.IsScalar()) return at(path, entry.first.Mark(), "a key must be plain text");
      const std::string name = prefix + entry.first.Scalar();
      const auto* key = std::ranges::find(kKeys, std::string_view(name), &Key::name);
      if (key == kKeys.end())
        return at(path, entry.first.Mark(), "unknown key \"" + name + "\"; keys are: " + known_names());
      if (!seen.insert(name).second) return at(path, entry.first.Mark(), "\"" + name + "\" is given twice");
      if (auto done = read_value(config, path, *key, entry.second); !done) return done.error();
    }
  }
  return config;
}

}  // namespace

std::span<const Key> keys() { return kKeys; }

Result<void> check(const Config& config) {
  if (config.tls.any() && (config.tls.ca.empty() || config.tls.cert.empty() || config.tls.key.empty()))
    return Error{Code::kInvalid, "tls.ca, tls.cert and tls.key belong together: set all three or none"};
  if (!config.tls.crl_dir.empty() && !config.tls.any())
    return Error{Code::kInvalid,
                 "tls.crl_dir without tls.ca, tls.cert and tls.key: there are no certificates to refuse"};
  for (const std::string& text : config.listen) {
    const auto address = parse_address(text);
    if (!address) return Error{Code::kInvalid, "server.listen: " + address.error().text};
    if (!address->leaves_machine() || config.tls.any()) continue;
    const std::string port = std::to_string(address->port);
    return Error{Code::kInvalid, "server.listen: \"" + text +
                                     "\" is not on the loopback: plaintext would leave this machine. Set tls.ca, "
                                     "tls.cert and tls.key, or listen on unix:/path, 127.0.0.1:" +
                                     port + " or [::1]:" + port};
  }
  if (!config.web.empty() && !config.tls.any())
    if (const auto address = parse_address(config.web); address && address->leaves_machine())
      return Error{Code::kInvalid, "web.listen: \"" + config.web +
                                       "\" is not on the loopback: plaintext would leave this machine. Set tls.ca, "
                                       "tls.cert and tls.key, or listen on 127.0.0.1:" +
                                       std::to_string(address->port)};
  return {};
}

Result<Config> parse(const std::string& name, const std::string& text) {
  try {
    return read(name, YAML::Load(text));
  } catch (const YAML::Exception& e) {
    return at(name, e.mark, "not valid YAML: " + e.msg);
  }
}

Result<Config> load(const std::string& path) {
  std::ifstream in(path, std::ios::binary);
  if (!in)
    return Error{errno == EACCES ? Code::kPermission : Code::kNotFound,
                 path + ": cannot read the configuration: " + std::strerror(errno)};
  std::string text(kMaxFileBytes + 1, '\0');
  in.read(text.data(), static_cast<std::streamsize>(text.size()));
  if (in.bad()) return Error{Code::kInvalid, path + ": cannot read the configuration (is it a directory?)"};
  text.resize(static_cast<size_t>(in.gcount()));
  if (text.size() > kMaxFileBytes) return Error{Code::kInvalid, path + ": larger than 1 MiB: not a configuration"};
  return parse(path, text);
}

std::string sample() {
  std::string text =
      "# SPDX-License-Identifier: Apache-2.0\n"
      "# Configuration of resetscope-control: every key with its default. An unknown key or a bad value refuses the\n"
      "# whole file.\n";
  std::string_view section;
  for (const Key& key : kKeys) {
    const size_t dot = key.name.find('.');
    if (key.name.substr(0, dot) != section) {
      section = key.name.substr(0, dot);
      text.append("\n").append(section).append(":\n");
    }
    append_wrapped(text, key.help);
    text.append("  ").append(key.name.substr(dot + 1)).append(": ").append(key.show(Config{})).append("\n");
  }
  return text;
}

}  // namespace rs::control
