// SPDX-License-Identifier: Apache-2.0
//
// The pattern of a program's log as one JSON object a line, its text escaped (RFC 8259 7). It stands here because
// proto/ is all that data plane and control plane share.
#pragma once

#include <spdlog/pattern_formatter.h>

#include <memory>
#include <string>

namespace rs {

// %*: the message as the inside of a JSON string; bytes that are no ASCII go through as they are.
class JsonText final : public spdlog::custom_flag_formatter {
 public:
  void format(const spdlog::details::log_msg& msg, const std::tm&, spdlog::memory_buf_t& out) override {
    constexpr char kHex[] = "0123456789abcdef";
    for (const char c : msg.payload) {
      const auto byte = static_cast<unsigned char>(c);
      if (byte < 0x20) {
        const char escaped[] = {'\\', 'u', '0', '0', kHex[byte >> 4], kHex[byte & 15]};
        out.append(escaped, escaped + sizeof escaped);
        continue;
      }
      if (c == '"' || c == '\\') out.push_back('\\');
      out.push_back(c);
    }
  }
  [[nodiscard]] std::unique_ptr<custom_flag_formatter> clone() const override { return std::make_unique<JsonText>(); }
};

inline std::unique_ptr<spdlog::pattern_formatter> json_log(const std::string& program) {
  auto formatter = std::make_unique<spdlog::pattern_formatter>(spdlog::pattern_time_type::utc);
  formatter->add_flag<JsonText>('*').set_pattern(R"({"time":"%Y-%m-%dT%H:%M:%S.%eZ","level":"%l","program":")" +
                                                 program + R"(","text":"%*"})");
  return formatter;
}

}  // namespace rs
