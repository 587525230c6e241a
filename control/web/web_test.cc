// SPDX-License-Identifier: Apache-2.0
#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <algorithm>
#include <set>

#include "control/web/api.h"
#include "control/web/assets.h"
#include "control/web/hosts.h"
#include "proto/query.pb.h"

namespace rs::web {
namespace {

TEST(Hosts, OnlyTheLoopbackByName) {
  for (const char* good : {"localhost", "localhost:8460", "127.0.0.1:80", "127.9.9.9", "[::1]:8460", "[::1]"})
    EXPECT_TRUE(is_loopback_name(good)) << good;
  for (const char* bad : {"", "example.org", "localhost.example.org", "127.0.0.1.example.org:80", "10.0.0.1", "[::]:80",
                          "[2001:db8::1]", "[", "::1", "0.0.0.0:80"})
    EXPECT_FALSE(is_loopback_name(bad)) << bad;
}

TEST(Hosts, TheOriginIsTheHostItself) {
  EXPECT_TRUE(same_origin("http://localhost:8460", "http", "localhost:8460"));
  EXPECT_TRUE(same_origin("https://[::1]:8460", "https", "[::1]:8460"));
  for (const char* bad : {"http://localhost", "http://evil.example", "null", "", "localhost:8460",
                          "https://localhost:8460", "http:/localhost:8460", "httpx://localhost:8460", "http"})
    EXPECT_FALSE(same_origin(bad, "http", "localhost:8460")) << bad;
}

TEST(Assets, AreSortedWholeAndTaggedApart) {
  const auto all = assets();
  ASSERT_GT(all.size(), 20u);
  EXPECT_TRUE(std::ranges::is_sorted(all, {}, &Asset::path));
  std::set<std::string_view> tags;
  for (const Asset& asset : all) {
    EXPECT_EQ(find_asset(asset.path), &asset);
    EXPECT_EQ(unpacked(asset).size(), asset.plain_bytes) << asset.path;
    EXPECT_GT(asset.plain_bytes, 0u) << asset.path;
    EXPECT_TRUE(asset.etag.starts_with('"') && asset.etag.ends_with('"')) << asset.path;
    EXPECT_TRUE(tags.insert(asset.etag).second) << asset.path;
  }
  EXPECT_EQ(find_asset("/nosuch.js"), nullptr);
  EXPECT_EQ(find_asset(""), nullptr);
}

// A call added to query.proto is served here too, or this fails.
TEST(Api, HasEveryCallOfTheService) {
  const auto* service = v1::Event::descriptor()->file()->FindServiceByName("Resetscope");
  ASSERT_NE(service, nullptr);
  for (int i = 0; i < service->method_count(); ++i) {
    const auto& method = *service->method(i);
    EXPECT_EQ(Api::has_call(method.name()), !method.server_streaming()) << method.name();
    EXPECT_EQ(Api::has_stream(method.name()), method.server_streaming()) << method.name();
  }
}

}  // namespace
}  // namespace rs::web
