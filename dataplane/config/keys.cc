// SPDX-License-Identifier: Apache-2.0
#include "dataplane/config/keys.h"

#include <algorithm>
#include <charconv>
#include <vector>

#include "dataplane/config/ports.h"

namespace rs::config {
namespace {

Error bad(const Key& key, const std::string& value, const std::string& want) {
  return {Code::kInvalid, std::string(key.name) + ": '" + value + "' is not " + want};
}

std::string range_of(const Key& key) { return std::to_string(key.min) + " to " + std::to_string(key.max); }

std::string choices_of(const Key& key) {
  std::string text;
  for (size_t i = 0; i < key.choices.size(); ++i) {
    if (i != 0) text += i + 1 == key.choices.size() ? " or " : ", ";
    text += key.choices[i];
  }
  return text;
}

Result<uint64_t> number_in_range(const Key& key, const std::string& text) {
  uint64_t v = 0;
  const char* end = text.data() + text.size();
  const auto [stop, ec] = std::from_chars(text.data(), end, v);
  if (text.empty() || stop != end || ec != std::errc() || v < key.min || v > key.max) {
    return bad(key, text, "a whole number from " + range_of(key));
  }
  return v;
}

// Quoted when YAML would read a plain scalar as something else.
std::string yaml_text(std::string_view s) {
  static constexpr std::string_view kPlain = "abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ0123456789._/";
  if (!s.empty() && s.find_first_not_of(kPlain) == std::string_view::npos) return std::string(s);
  std::string out = "\"";
  for (const char c : s) {
    if (c == '"' || c == '\\') out += '\\';
    out += c;
  }
  return out + "\"";
}

// --- one parser and one printer a kind of field ---

template <auto Section, auto Field>
Result<void> parse_number(const Key& key, Config& c, Values v) {
  const auto number = number_in_range(key, v[0]);
  if (!number) return number.error();
  c.*Section.*Field = static_cast<uint32_t>(*number);
  return {};
}
template <auto Section, auto Field>
std::string show_number(const Key&, const Config& c) {
  return std::to_string(c.*Section.*Field);
}

template <auto Section, auto Field>
Result<void> parse_numbers(const Key& key, Config& c, Values v) {
  std::vector<uint32_t> all;
  for (const std::string& text : v) {
    const auto number = number_in_range(key, text);
    if (!number) return number.error();
    all.push_back(static_cast<uint32_t>(*number));
  }
  c.*Section.*Field = std::move(all);
  return {};
}
template <auto Section, auto Field>
std::string show_numbers(const Key&, const Config& c) {
  std::string out = "[";
  for (const uint32_t n : c.*Section.*Field) out.append(out.size() > 1 ? ", " : "").append(std::to_string(n));
  return out + "]";
}

template <auto Section, auto Field>
Result<void> parse_bool(const Key& key, Config& c, Values v) {
  const std::string& s = v[0];
  const bool yes = s == "true" || s == "yes" || s == "on";
  if (!yes && s != "false" && s != "no" && s != "off") return bad(key, s, "true or false");
  c.*Section.*Field = yes;
  return {};
}
template <auto Section, auto Field>
std::string show_bool(const Key&, const Config& c) {
  return c.*Section.*Field ? "true" : "false";
}

template <auto Section, auto Field>
Result<void> parse_choice(const Key& key, Config& c, Values v) {
  const auto found = std::ranges::find(key.choices, std::string_view(v[0]));
  if (found == key.choices.end()) return bad(key, v[0], choices_of(key));
  using E = std::remove_reference_t<decltype(c.*Section.*Field)>;
  c.*Section.*Field = static_cast<E>(found - key.choices.begin());
  return {};
}
template <auto Section, auto Field>
std::string show_choice(const Key& key, const Config& c) {
  return std::string(key.choices[static_cast<size_t>(c.*Section.*Field)]);
}

template <auto Section, auto Field>
std::string show_text(const Key&, const Config& c) {
  return yaml_text(c.*Section.*Field);
}

template <auto Section, auto Field>
std::string show_texts(const Key&, const Config& c) {
  std::string out = "[";
  for (const std::string& s : c.*Section.*Field) out.append(out.size() > 1 ? ", " : "").append(yaml_text(s));
  return out + "]";
}

Result<void> parse_name(const Key& key, Config& c, Values v) {
  const bool plain = std::ranges::all_of(v[0], [](char ch) {
    return (ch >= 'a' && ch <= 'z') || (ch >= 'A' && ch <= 'Z') || (ch >= '0' && ch <= '9') || ch == '.' || ch == '_' ||
           ch == '-';
  });
  if (!plain || v[0].size() > 64) return bad(key, v[0], "a name of up to 64 letters, digits, '.', '_' and '-'");
  c.sensor.name = v[0];
  return {};
}

Result<void> parse_ports(const Key& key, Config& c, Values v) {
  for (const std::string& port : v) {
    if (kind_of(port) == PortKind::kInterface && !valid_interface_name(port)) {
      return bad(key, port,
                 "an interface (eth1), a PCI address (0000:3b:00.0), a capture file (./x.pcap) or a DPDK "
                 "device (net_null0)");
    }
  }
  c.capture.ports.assign(v.begin(), v.end());
  return {};
}

Result<void> parse_server(const Key& key, Config& c, Values v) {
  const std::string& s = v[0];
  const size_t colon = s.rfind(':');
  bool good = false;
  if (s.starts_with("unix:")) {
    good = s.size() > 6 && s[5] == '/';
  } else if (colon != std::string::npos && colon > 0 && colon + 1 < s.size()) {
    uint32_t port = 0;
    const char* end = s.data() + s.size();
    const auto [stop, ec] = std::from_chars(s.data() + colon + 1, end, port);
    const bool bare_v6 = s.find(':') != colon && s[0] != '[';
    good = stop == end && ec == std::errc() && port >= 1 && port <= 65535 && !bare_v6 &&
           s.find_first_of(" /\t") == std::string::npos;
  }
  if (!good) return bad(key, s, "unix:/path, host:port or [IPv6]:port");
  c.export_.server = s;
  return {};
}

// A bare port is one of the loopback.
Result<void> parse_listen(const Key& key, Config& c, Values v) {
  const std::string& s = v[0];
  c.metrics.listen.clear();
  if (s.empty()) return {};
  const bool bare = s.find_first_not_of("0123456789") == std::string::npos;
  const std::string text = bare ? "127.0.0.1:" + s : s;
  const size_t colon = text.rfind(':');
  uint32_t port = 0;
  const char* end = text.data() + text.size();
  const auto [stop, ec] = std::from_chars(colon == std::string::npos ? end : text.data() + colon + 1, end, port);
  const bool host = colon != std::string::npos && colon > 0 &&
                    text.find_first_not_of("0123456789abcdefABCDEF.:[]") == std::string::npos &&
                    (text[0] == '[' ? text[colon - 1] == ']' : text.find(':') == colon);
  if (!host || stop != end || ec != std::errc() || port > 65535)
    return bad(key, s, "address:port, [IPv6]:port or a port for 127.0.0.1");
  c.metrics.listen = text;
  return {};
}

template <auto Section, auto Field>
Result<void> parse_dir(const Key& key, Config& c, Values v) {
  if (!v[0].empty() && v[0][0] != '/') return bad(key, v[0], "an absolute path (or empty for none)");
  c.*Section.*Field = v[0];
  return {};
}

template <auto Section, auto Field>
Result<void> parse_text(const Key&, Config& c, Values v) {
  c.*Section.*Field = v[0];
  return {};
}

// Pairs of names, one space between. That both are ports is check()'s to say.
Result<void> parse_taps(const Key& key, Config& c, Values v) {
  for (const std::string& pair : v) {
    const size_t space = pair.find(' ');
    const bool two = space != std::string::npos && space != 0 && space + 1 < pair.size() &&
                     pair.find(' ', space + 1) == std::string::npos;
    if (!two) return bad(key, pair, "two of capture.ports with a space between them (\"eth1 eth2\")");
  }
  c.capture.taps.assign(v.begin(), v.end());
  return {};
}

constexpr std::string_view kHandovers[] = {"auto", "on", "off"};
constexpr std::string_view kHugepages[] = {"auto", "require", "off"};
constexpr std::string_view kDrivers[] = {"auto", "af_xdp", "af_packet"};
constexpr std::string_view kLevels[] = {"error", "warn", "info", "debug"};
constexpr std::string_view kFormats[] = {"text", "json"};

#define RS_FIELD(kind, section, type, field) \
  parse_##kind<&Config::section, &type::field>, show_##kind<&Config::section, &type::field>

constexpr Key kKeys[] = {
    {"sensor.name",
     false,
     0,
     0,
     {},
     parse_name,
     show_text<&Config::sensor, &Sensor::name>,
     "",
     "Name of this sensor in every report. Empty: the host's name."},
    {"capture.ports",
     true,
     0,
     0,
     {},
     parse_ports,
     show_texts<&Config::capture, &Capture::ports>,
     "[eth1]",
     "Mirror ports to watch: kernel interfaces (eth1), PCI addresses (0000:3b:00.0), DPDK devices (net_null0); or "
     "capture files (./x.pcap, x.pcapng.gz, - for standard input), not both."},
    {"capture.taps",
     true,
     0,
     0,
     {},
     parse_taps,
     show_texts<&Config::capture, &Capture::taps>,
     "",
     "Pairs of ports that carry one direction each of the same links, as a TAP gives them: [\"eth1 eth2\"]. Both "
     "directions then meet on one worker, which is checked at start."},
    {"capture.workers",
     false,
     1,
     64,
     {},
     RS_FIELD(number, capture, Capture, workers),
     "",
     "Packet workers, each polling on a core of its own."},
    {"capture.cores",
     true,
     0,
     1023,
     {},
     RS_FIELD(numbers, capture, Capture, cores),
     "",
     "CPUs for the workers, one each. Empty: chosen, distinct cores near the port first, the first CPU kept free. All "
     "other work (export, health, control) runs on the CPUs that are left, if any."},
    {"capture.handover", false, 0, 0, kHandovers, RS_FIELD(choice, capture, Capture, handover), "",
     "Whether workers hand packets to each other, so that all packets of a connection meet on one. auto: where a check "
     "at start finds that a port's queues part a connection's directions or are fewer than the workers; and whatever a "
     "tunnel hides from the port. Captures: on lets one worker read for all."},
    {"capture.memory_mib",
     false,
     0,
     1048576,
     {},
     RS_FIELD(number, capture, Capture, memory_mib),
     "",
     "MiB for packet buffers. 0: worked out from ports and workers. Flow tables come on top (see flow.capacity)."},
    {"capture.hugepages", false, 0, 0, kHugepages, RS_FIELD(choice, capture, Capture, hugepages), "",
     "auto uses hugepages when enough are free; require refuses to start without; off never uses them."},
    {"capture.driver", false, 0, 0, kDrivers, RS_FIELD(choice, capture, Capture, driver), "",
     "How kernel interfaces are read. auto takes AF_XDP only where that takes no frame from the host and leaves no "
     "queue unread, else AF_PACKET."},
    {"capture.promiscuous",
     false,
     0,
     0,
     {},
     RS_FIELD(bool, capture, Capture, promiscuous),
     "",
     "Receive frames addressed to others. A mirror port needs it."},
    {"capture.telemetry",
     false,
     0,
     0,
     {},
     RS_FIELD(bool, capture, Capture, telemetry),
     "",
     "Answer /resetscope/counters, /resetscope/workers and /resetscope/ports on DPDK's telemetry socket "
     "(dpdk-telemetry.py -f resetscope). Live ports only; off by itself where the socket cannot be made."},
    {"flow.capacity",
     false,
     1024,
     268435456,
     {},
     RS_FIELD(number, flow, Flow, capacity),
     "",
     "Connections tracked at once over all workers, at most 384 bytes of memory each."},
    {"flow.max_idle_s",
     false,
     10,
     604800,
     {},
     RS_FIELD(number, flow, Flow, max_idle_s),
     "",
     "Seconds of silence after which an established connection is forgotten.",
     true},
    {"track.settle_ms",
     false,
     0,
     60000,
     {},
     RS_FIELD(number, track, Track, settle_ms),
     "",
     "Milliseconds a connection is watched after its first RST, before the verdict.",
     true},
    {"context.patterns",
     false,
     0,
     0,
     {},
     RS_FIELD(text, context, Context, patterns),
     "",
     "File with the patterns that tell what a connection's last messages meant. Empty: the built-in ones.",
     true},
    {"context.cache_dir",
     false,
     0,
     0,
     {},
     parse_dir<&Config::context, &Context::cache_dir>,
     show_text<&Config::context, &Context::cache_dir>,
     "",
     "Directory that keeps the compiled patterns, so that a start takes half a second less. Only this program may "
     "write there. Empty: none."},
    {"context.server_names",
     false,
     0,
     0,
     {},
     RS_FIELD(bool, context, Context, server_names),
     "",
     "Report the name a client asked for (TLS SNI, HTTP Host) with each ending."},
    {"event.fold",
     false,
     0,
     0,
     {},
     RS_FIELD(bool, event, Event, fold),
     "",
     "Fold repeats within a second into one event with an exact count.",
     true},
    {"event.stats_interval_s",
     false,
     1,
     3600,
     {},
     RS_FIELD(number, event, Event, stats_interval_s),
     "",
     "Seconds between two reports of each service's connection counts."},
    {"export.server",
     false,
     0,
     0,
     {},
     parse_server,
     show_text<&Config::export_, &Export::server>,
     "",
     "The control plane: unix:/path or host:port. Plaintext only to a Unix socket or this machine."},
    {"export.tls_ca",
     false,
     0,
     0,
     {},
     parse_dir<&Config::export_, &Export::tls_ca>,
     show_text<&Config::export_, &Export::tls_ca>,
     "",
     "PEM file of the CA that signs the control plane's certificate. With it a host:port is spoken to with TLS. The "
     "three files are read again when they change."},
    {"export.tls_cert",
     false,
     0,
     0,
     {},
     parse_dir<&Config::export_, &Export::tls_cert>,
     show_text<&Config::export_, &Export::tls_cert>,
     "",
     "PEM file of this sensor's certificate; its name must be sensor.name."},
    {"export.tls_key",
     false,
     0,
     0,
     {},
     parse_dir<&Config::export_, &Export::tls_key>,
     show_text<&Config::export_, &Export::tls_key>,
     "",
     "PEM file of its private key, without a passphrase."},
    {"export.tls_server_name",
     false,
     0,
     0,
     {},
     parse_text<&Config::export_, &Export::tls_server_name>,
     show_text<&Config::export_, &Export::tls_server_name>,
     "",
     "Name the control plane's certificate must have. Empty: the host in export.server."},
    {"spool.dir",
     false,
     0,
     0,
     {},
     parse_dir<&Config::spool, &Spool::dir>,
     show_text<&Config::spool, &Spool::dir>,
     "",
     "Directory that keeps what the control plane has not acknowledged. Empty: kept in memory only."},
    {"spool.max_mib",
     false,
     1,
     16777216,
     {},
     RS_FIELD(number, spool, Spool, max_mib),
     "",
     "MiB the spool may take; when full the oldest batches are dropped and counted."},
    {"metrics.listen",
     false,
     0,
     0,
     {},
     parse_listen,
     show_text<&Config::metrics, &Metrics::listen>,
     "",
     "Where Prometheus may scrape /metrics, without TLS: a port for 127.0.0.1, or address:port. Empty: nowhere."},
    {"log.level", false, 0, 0, kLevels, RS_FIELD(choice, log, Log, level), "", "Least severe message that is logged.",
     true},
    {"log.format", false, 0, 0, kFormats, RS_FIELD(choice, log, Log, format), "",
     "text for people, json for one object a line.", true},
};
#undef RS_FIELD

constexpr std::string_view kLiveText = "Takes effect at once when the file is read again.";

// What is allowed, for help and sample.
std::string allowed(const Key& key) {
  if (!key.choices.empty()) return choices_of(key);
  if (key.max != 0) return range_of(key);
  return {};
}

// Appends `text` broken at spaces to lines of at most 100 columns, each after `lead`.
void wrap(std::string& out, std::string_view lead, std::string_view text) {
  constexpr size_t kColumns = 100;
  while (!text.empty()) {
    size_t cut = text.size();
    if (lead.size() + cut > kColumns) {
      cut = text.rfind(' ', kColumns - lead.size());
      if (cut == std::string_view::npos) cut = text.size();
    }
    out.append(lead).append(text.substr(0, cut)).append("\n");
    text.remove_prefix(std::min(cut + 1, text.size()));
  }
}

}  // namespace

std::span<const Key> keys() { return kKeys; }

std::vector<const Key*> changed(const Config& a, const Config& b) {
  std::vector<const Key*> out;
  for (const Key& key : kKeys)
    if (key.show(key, a) != key.show(key, b)) out.push_back(&key);
  return out;
}

void take_live(Config& into, const Config& from) {
  into.flow.max_idle_s = from.flow.max_idle_s;
  into.track = from.track;
  into.context.patterns = from.context.patterns;
  into.event.fold = from.event.fold;
  into.log = from.log;
}

const Key* find_key(std::string_view name) {
  const auto found = std::ranges::find(kKeys, name, &Key::name);
  return found == std::end(kKeys) ? nullptr : found;
}

Result<void> set(Config& config, std::string_view name, Values values) {
  const Key* key = find_key(name);
  if (key == nullptr) {
    std::string text = "unknown key '" + std::string(name) + "'; the keys are";
    for (const Key& k : kKeys) text.append(" ").append(k.name);
    return Error{Code::kInvalid, text};
  }
  if (!key->list && values.size() != 1) {
    return Error{Code::kInvalid, std::string(name) + ": takes one value, not " + std::to_string(values.size())};
  }
  return key->parse(*key, config, values);
}

Result<void> set(Config& config, std::string_view name, const std::string& value) {
  const Key* key = find_key(name);
  if (key == nullptr || !key->list) return set(config, name, Values(&value, 1));
  std::vector<std::string> pieces;
  for (size_t at = 0; at < value.size();) {
    const size_t comma = std::min(value.find(',', at), value.size());
    const std::string piece = value.substr(at, comma - at);
    const bool argument = piece.find('=') != std::string::npos && piece.find('/') > piece.find('=');
    if (argument && !pieces.empty()) {
      pieces.back() += "," + piece;
    } else {
      pieces.push_back(piece);
    }
    at = comma + 1;
  }
  return set(config, name, Values(pieces));
}

std::string help() {
  const Config defaults;
  std::string out;
  for (const Key& key : kKeys) {
    out.append("  ").append(key.name).append(" (");
    const std::string range = allowed(key);
    if (!range.empty()) out += range + "; ";
    out += "default " + key.show(key, defaults) + ")\n";
    wrap(out, "      ", key.help);
    if (key.live) wrap(out, "      ", kLiveText);
  }
  return out;
}

std::string sample() {
  const Config defaults;
  std::string out =
      "# SPDX-License-Identifier: Apache-2.0\n"
      "# Configuration of resetscope-sensor: every key with its default (capture.ports has an example). An unknown\n"
      "# key or a bad value refuses the whole file. SIGHUP has it read again (systemctl reload): a bad file changes\n"
      "# nothing, and of a good one those keys take effect that say so; the log names the others.\n";
  std::string_view section;
  for (const Key& key : kKeys) {
    const size_t dot = key.name.find('.');
    if (key.name.substr(0, dot) != section) {
      section = key.name.substr(0, dot);
      out.append("\n").append(section).append(":\n");
    }
    wrap(out, "  # ", key.help);
    if (key.live) wrap(out, "  # ", kLiveText);
    const std::string range = allowed(key);
    if (!range.empty()) wrap(out, "  # ", "Allowed: " + range + ".");
    out += "  " + std::string(key.name.substr(dot + 1)) + ": ";
    out += key.example.empty() ? key.show(key, defaults) : std::string(key.example);
    out += "\n";
  }
  return out;
}

}  // namespace rs::config
