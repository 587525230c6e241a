// SPDX-License-Identifier: Apache-2.0
//
// count_outcomes [--each] FILE…: what the parser makes of each packet of each capture, one JSON object a file: its name
// and the number of packets by outcome, or its name and "error". Nothing is tracked, so every TCP packet is "tracked".
// --each adds "each", the outcomes packet by packet.
#include <array>
#include <cstdio>
#include <cstring>
#include <memory>
#include <string>

#include "dataplane/capture/capture_file.h"
#include "dataplane/capture/file_source.h"
#include "dataplane/packet/parse.h"

namespace {

// Names of test files: what JSON would need escaped becomes "?".
std::string plain(std::string text) {
  for (char& c : text)
    if (c < ' ' || c == '"' || c == '\\') c = '?';
  return text;
}

}  // namespace

int main(int argc, char** argv) {
  auto burst = std::make_unique<rs::capture::Burst>();
  auto parsed = std::make_unique<rs::packet::ViewBurst>();
  const bool each = argc > 1 && std::strcmp(argv[1], "--each") == 0;
  for (int i = each ? 2 : 1; i < argc; ++i) {
    const std::string name = plain(argv[i]);
    auto files = rs::capture::open_files({argv[i]}, 1);
    if (!files) {
      std::printf("{\"file\": \"%s\", \"error\": \"%s\"}\n", name.c_str(), plain(files.error().text).c_str());
      continue;
    }
    std::array<uint64_t, rs::packet::kOutcomeCount> counts{};
    std::string list;
    rs::capture::FileSource source(std::move(*files));
    while (source.receive(*burst)) {
      rs::packet::parse(*burst, *parsed);
      for (uint32_t k = 0; k < burst->count; ++k) {
        const auto outcome = static_cast<size_t>(parsed->outcomes[k]);
        ++counts[outcome];
        if (each) list.append(list.empty() ? "\"" : ", \"").append(rs::packet::kOutcomeNames[outcome]).append("\"");
      }
      source.release(*burst);
    }
    std::printf("{\"file\": \"%s\"", name.c_str());
    for (size_t o = 0; o < counts.size(); ++o)
      std::printf(", \"%.*s\": %llu", static_cast<int>(rs::packet::kOutcomeNames[o].size()),
                  rs::packet::kOutcomeNames[o].data(), static_cast<unsigned long long>(counts[o]));
    if (each) std::printf(", \"each\": [%s]", list.c_str());
    std::printf("}\n");
  }
  return 0;
}
