// SPDX-License-Identifier: Apache-2.0
#include "control/web/assets.h"

#include <zlib.h>

#include <algorithm>

namespace rs::web {

const Asset* find_asset(std::string_view path) {
  const auto all = assets();
  const auto found = std::ranges::lower_bound(all, path, {}, &Asset::path);
  return found != all.end() && found->path == path ? &*found : nullptr;
}

std::string unpacked(const Asset& asset) {
  constexpr int kGzip = 16 + MAX_WBITS;  // zlib.h, inflateInit2: decode gzip only
  std::string plain(asset.plain_bytes, '\0');
  std::string packed(asset.gzip);  // zlib wants what it reads to be writable
  z_stream stream{};
  if (inflateInit2(&stream, kGzip) != Z_OK) return {};
  stream.next_in = reinterpret_cast<Bytef*>(packed.data());
  stream.avail_in = static_cast<uInt>(packed.size());
  stream.next_out = reinterpret_cast<Bytef*>(plain.data());
  stream.avail_out = static_cast<uInt>(plain.size());
  const int done = inflate(&stream, Z_FINISH);
  inflateEnd(&stream);
  return done == Z_STREAM_END && stream.avail_out == 0 ? plain : std::string{};
}

}  // namespace rs::web
