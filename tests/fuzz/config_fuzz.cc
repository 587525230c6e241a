// SPDX-License-Identifier: Apache-2.0
//
// Any text as the sensor's and as the control plane's configuration: read or refused with a reason, and what was read,
// written out again, reads as the same.
#include <cstdint>
#include <cstdio>
#include <cstdlib>
#include <string>
#include <string_view>

#include "control/config.h"
#include "dataplane/config/config.h"
#include "dataplane/config/keys.h"

namespace {

void check(bool holds, const std::string& what) {
  if (holds) return;
  std::fprintf(stderr, "broken: %s\n", what.c_str());
  std::abort();
}

// Keys of a section stand together in both tables.
template <class Keys, class Show>
std::string written(const Keys& keys, Show&& show) {
  std::string text;
  std::string_view section;
  for (const auto& key : keys) {
    const size_t dot = key.name.find('.');
    if (key.name.substr(0, dot) != section) {
      section = key.name.substr(0, dot);
      text.append(section).append(":\n");
    }
    text.append("  ").append(key.name.substr(dot + 1)).append(": ").append(show(key)).append("\n");
  }
  return text;
}

template <class Parse, class Write>
void round_trip(Parse&& parse, Write&& write, const std::string& text) {
  const auto first = parse(text);
  if (!first) {
    check(first.error().text.starts_with("fuzz"), "an error names its file: " + first.error().text);
    return;
  }
  const std::string again = write(*first);
  const auto second = parse(again);
  check(static_cast<bool>(second),
        "what was written is refused: " + (second ? "" : second.error().text) + "\n" + again);
  check(*second == *first, "what was written reads otherwise:\n" + again);
}

}  // namespace

extern "C" int LLVMFuzzerTestOneInput(const uint8_t* data, size_t size) {
  const std::string text(reinterpret_cast<const char*>(data), size);
  round_trip([](const std::string& t) { return rs::config::parse("fuzz", t); },
             [](const rs::config::Config& c) {
               return written(rs::config::keys(), [&](const rs::config::Key& key) { return key.show(key, c); });
             },
             text);
  round_trip([](const std::string& t) { return rs::control::parse("fuzz", t); },
             [](const rs::control::Config& c) {
               return written(rs::control::keys(), [&](const rs::control::Key& key) { return key.show(c); });
             },
             text);
  return 0;
}
