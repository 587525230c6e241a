// SPDX-License-Identifier: Apache-2.0
#include "dataplane/context/database.h"

#include <hs.h>
#include <unistd.h>

#include <cstdio>
#include <cstdlib>
#include <cstring>
#include <fstream>
#include <sstream>
#include <utility>
#include <vector>

#include "dataplane/context/scanner.h"

namespace rs::context {
namespace {

uint64_t mix(uint64_t h, std::string_view text) {
  for (const char c : text) h = (h ^ static_cast<uint8_t>(c)) * 0x100000001b3ULL;  // FNV-1a
  return h;
}

// Everything the compiled form depends on.
std::string cache_path(const std::string& dir, const PatternSet& set) {
  hs_platform_info_t cpu = {};
  hs_populate_platform(&cpu);
  uint64_t h = mix(set.digest, hs_version());
  h = mix(h, std::to_string(cpu.tune) + "/" + std::to_string(cpu.cpu_features));
  char name[40];
  std::snprintf(name, sizeof(name), "/patterns-%016llx.hsdb", static_cast<unsigned long long>(h));
  return dir + name;
}

constexpr char kCacheMagic[8] = {'r', 's', 'h', 's', 'd', 'b', '1', '\n'};
constexpr uint64_t kMaxCacheBytes = 64 << 20;

}  // namespace

Result<std::shared_ptr<const Database>> Database::build(PatternSet set, const std::string& cache_dir,
                                                        std::string_view prebuilt) {
  if (hs_valid_platform() != HS_SUCCESS)
    return Error{Code::kInternal, "this CPU cannot run Hyperscan (it needs SSSE3)"};
  const std::shared_ptr<Database> made(new Database(std::move(set)));
  if (prebuilt.size() > sizeof(uint64_t) && std::memcmp(prebuilt.data(), &made->set_.digest, sizeof(uint64_t)) == 0) {
    std::istringstream in{std::string(prebuilt.substr(sizeof(uint64_t)))};
    if (made->read(in)) return std::shared_ptr<const Database>(made);
  }
  const std::string cache = cache_dir.empty() ? std::string() : cache_path(cache_dir, made->set_);
  if (!cache.empty()) {
    std::ifstream in(cache, std::ios::binary);
    made->from_cache_ = made->read(in);
    if (made->from_cache_) return std::shared_ptr<const Database>(made);
  }
  if (auto done = made->compile(false); !done) return done.error();
  if (auto done = made->check_examples(); !done) return done.error();
  if (!cache.empty()) made->write_cache(cache);
  return std::shared_ptr<const Database>(made);
}

Result<std::string> Database::compile_for_any_cpu(PatternSet set) {
  Database made(std::move(set));
  if (auto done = made.compile(true); !done) return done.error();
  if (auto done = made.check_examples(); !done) return done.error();
  std::ostringstream out;
  char digest[sizeof(made.set_.digest)];
  std::memcpy(digest, &made.set_.digest, sizeof(digest));
  out.write(digest, sizeof(digest));
  made.write(out);
  return out.str();
}

Database::~Database() { clear(); }

void Database::clear() {
  for (hs_database*& d : databases_) {
    if (d != nullptr) hs_free_database(d);
    d = nullptr;
  }
}

Result<void> Database::compile(bool any_cpu) {
  const hs_platform_info_t any = {};  // no CPU features beyond Hyperscan's own needs
  for (size_t place = 0; place < kPlaceCount; ++place) {
    std::vector<const char*> expressions;
    std::vector<unsigned> flags;
    std::vector<unsigned> ids;
    for (size_t i = 0; i < set_.patterns.size(); ++i) {
      const Pattern& p = set_.patterns[i];
      if ((p.places & 1U << place) == 0) continue;
      expressions.push_back(p.match.c_str());
      // Where a match ends matters only to a value that is counted from there.
      flags.push_back(HS_FLAG_DOTALL | (p.nocase ? HS_FLAG_CASELESS : 0U) | (p.from_end ? 0U : HS_FLAG_SINGLEMATCH));
      ids.push_back(static_cast<unsigned>(i));
    }
    if (ids.empty()) continue;
    hs_compile_error_t* error = nullptr;
    if (hs_compile_multi(expressions.data(), flags.data(), ids.data(), static_cast<unsigned>(ids.size()), HS_MODE_BLOCK,
                         any_cpu ? &any : nullptr, &databases_[place], &error) == HS_SUCCESS)
      continue;
    std::string text = set_.file;
    if (error->expression >= 0) {
      const Pattern& p = set_.patterns[ids[static_cast<size_t>(error->expression)]];
      text += ":" + std::to_string(p.line) + ": pattern '" + p.name + "'";
    }
    text += std::string(": the regular expression is refused: ") + error->message;
    hs_free_compile_error(error);
    return Error{Code::kInvalid, text};
  }
  return {};
}

Result<void> Database::check_examples() const {
  // A scanner of our own for the length of the check; the alias does not own.
  auto scanner = Scanner::create(std::shared_ptr<const Database>(std::shared_ptr<const Database>(), this));
  if (!scanner) return scanner.error();
  for (const Pattern& p : set_.patterns) {
    for (const Example& e : p.examples) {
      for (const Place place : {Place::kClient, Place::kServer, Place::kRst}) {
        if ((p.places & 1U << static_cast<unsigned>(place)) == 0) continue;
        const std::vector<uint8_t> bytes(e.bytes.begin(), e.bytes.end());
        const Meaning got = (*scanner)->read(place, Bytes(bytes.data(), bytes.size()));
        const std::string_view text = got.seen ? std::string_view(got.text.data()) : std::string_view();
        const bool own = text == p.name || (text.starts_with(p.name) && text.substr(p.name.size()).starts_with("="));
        if (e.means.empty() ? !own : text == e.means) continue;
        return Error{Code::kInvalid, set_.file + ":" + std::to_string(e.line) + ": pattern '" + p.name +
                                         "': the example means '" + std::string(text) + "', expected " +
                                         (e.means.empty() ? "no match" : "'" + e.means + "'")};
      }
    }
  }
  return {};
}

bool Database::read(std::istream& in) {
  char magic[sizeof(kCacheMagic)];
  if (!in.read(magic, sizeof(magic)) || std::memcmp(magic, kCacheMagic, sizeof(magic)) != 0) return false;
  for (hs_database*& d : databases_) {
    uint64_t size = 0;
    char raw[sizeof(size)];
    if (!in.read(raw, sizeof(raw))) return clear(), false;
    std::memcpy(&size, raw, sizeof(size));
    if (size == 0) continue;
    if (size > kMaxCacheBytes) return clear(), false;
    std::string bytes(size, '\0');
    // Hyperscan checks length, version, CPU and checksum.
    if (!in.read(bytes.data(), static_cast<std::streamsize>(size)) ||
        hs_deserialize_database(bytes.data(), bytes.size(), &d) != HS_SUCCESS) {
      d = nullptr;
      return clear(), false;
    }
  }
  return true;
}

void Database::write(std::ostream& out) const {
  out.write(kCacheMagic, sizeof(kCacheMagic));
  for (const hs_database* d : databases_) {
    char* bytes = nullptr;
    size_t length = 0;
    if (d != nullptr && hs_serialize_database(d, &bytes, &length) != HS_SUCCESS) length = 0;
    const uint64_t size = length;
    char raw[sizeof(size)];
    std::memcpy(raw, &size, sizeof(size));
    out.write(raw, sizeof(raw));
    out.write(bytes, static_cast<std::streamsize>(length));
    std::free(bytes);  // Hyperscan's default allocator is malloc
  }
}

void Database::write_cache(const std::string& path) const {
  const std::string fresh = path + "." + std::to_string(::getpid());
  bool good = false;
  {
    std::ofstream out(fresh, std::ios::binary | std::ios::trunc);
    write(out);
    good = static_cast<bool>(out.flush());
  }
  if (!good || std::rename(fresh.c_str(), path.c_str()) != 0) std::remove(fresh.c_str());
}

}  // namespace rs::context
