// SPDX-License-Identifier: Apache-2.0
//
// Any bytes as a client's first packets and as a message: the name found lies inside them and is a name, and what a
// message means is printable and bounded. Input: one byte that says where the packets are cut, then the bytes.
#include <cstdint>
#include <cstdlib>
#include <cstring>
#include <memory>
#include <vector>

#include "dataplane/context/database.h"
#include "dataplane/context/scanner.h"
#include "dataplane/packet/server_name.h"
#include "dataplane/track/heads.h"

namespace {

using namespace rs;

void check(bool holds) {
  if (!holds) std::abort();
}

const context::Scanner& scanner() {
  static const auto made = [] {
    auto database = context::Database::build(std::move(*context::load_patterns("")), "");
    return std::move(*context::Scanner::create(std::move(*database)));
  }();
  return *made;
}

void check_name(std::string_view name) {
  check(name.size() <= track::kNameRoom);
  for (const char c : name) check(c > 0x20 && c < 0x7f);
}

}  // namespace

extern "C" int LLVMFuzzerTestOneInput(const uint8_t* data, size_t size) {
  if (size < 2) return 0;
  const size_t cut = data[0] * (size - 1) / 256;
  // Allocations of their own: a read beyond them is seen.
  const std::vector<uint8_t> first(data + 1, data + 1 + cut);
  const std::vector<uint8_t> second(data + 1 + cut, data + size);
  const Bytes parts[] = {Bytes(first.data(), first.size()), Bytes(second.data(), second.size())};

  packet::TlsRest rest;
  const Bytes name = packet::server_name(parts[0], rest);
  check(name.size() <= packet::kMaxNameBytes);
  if (!name.empty()) check(name.data() >= first.data() && name.data() + name.size() <= first.data() + first.size());

  track::HeadBytes head{};
  uint8_t length = 0;
  bool begins = true;
  for (const Bytes& part : parts) {
    track::keep_message(head, length, part);
    track::look_for_name(head, length, part, begins);
    begins = false;
    check_name(track::name_of(head, length));
    check(track::message_of(head, length).size() <= head.size());
  }
  for (const auto place : {context::Place::kClient, context::Place::kServer, context::Place::kRst}) {
    const context::Meaning m = scanner().read(place, Bytes(second.data(), std::min<size_t>(second.size(), 64)));
    check(std::memchr(m.text.data(), 0, m.text.size()) != nullptr);
    for (const char* c = m.text.data(); *c != '\0'; ++c) check(*c > 0x20 && *c < 0x7f);
  }
  return 0;
}
