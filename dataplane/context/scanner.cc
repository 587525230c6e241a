// SPDX-License-Identifier: Apache-2.0
#include "dataplane/context/scanner.h"

#include <hs.h>

#include <algorithm>
#include <cstring>

namespace rs::context {
namespace {

// Patterns that one message may match at once; the first of the file counts, the rest are seldom more than one.
constexpr size_t kMaxHits = 8;

struct Hits {
  struct Hit {
    unsigned id;
    size_t end;
  };
  std::array<Hit, kMaxHits> all;
  size_t count = 0;
};

int on_match(unsigned id, unsigned long long, unsigned long long to, unsigned, void* context) {
  auto& hits = *static_cast<Hits*>(context);
  for (size_t i = 0; i < hits.count; ++i) {
    if (hits.all[i].id == id) {
      hits.all[i].end = std::max(hits.all[i].end, static_cast<size_t>(to));
      return 0;
    }
  }
  if (hits.count < kMaxHits) {
    hits.all[hits.count++] = {id, static_cast<size_t>(to)};
  } else {
    const auto last = std::max_element(hits.all.begin(), hits.all.end(),
                                       [](const Hits::Hit& a, const Hits::Hit& b) { return a.id < b.id; });
    if (id < last->id) *last = {id, static_cast<size_t>(to)};
  }
  return 0;
}

// Appends to a NUL-terminated text; what does not fit is left out.
class Text {
 public:
  explicit Text(std::array<char, kTextBytes>& out) : out_(out) {}
  void add(std::string_view part) {
    if (part.empty()) return;  // and may point nowhere
    const size_t n = std::min(part.size(), out_.size() - 1 - size_);
    std::memcpy(out_.data() + size_, part.data(), n);
    size_ += n;
    out_[size_] = '\0';
  }
  void add(uint64_t number) {
    char digits[20];
    size_t n = sizeof(digits);
    do {
      digits[--n] = static_cast<char>('0' + number % 10);
      number /= 10;
    } while (number != 0);
    add(std::string_view(digits + n, sizeof(digits) - n));
  }

 private:
  std::array<char, kTextBytes>& out_;
  size_t size_ = 0;
};

// The value behind a match; false when the message does not hold one.
bool read_value(const Pattern& p, const Bytes& m, size_t end, uint64_t& key) {
  const int64_t from = p.from_end ? static_cast<int64_t>(end) + p.at : p.at;
  if (from < 0 || !m.has(static_cast<size_t>(from), p.bytes)) return false;
  const auto at = static_cast<size_t>(from);
  key = 0;
  switch (p.kind) {
    case ValueKind::kNone:
      return false;
    case ValueKind::kDigits:
      for (size_t i = at; i < at + p.bytes; ++i) {
        if (m.u8(i) < '0' || m.u8(i) > '9') return false;
        key = key * 10 + (m.u8(i) - '0');
      }
      return true;
    case ValueKind::kLetters:
      for (size_t i = at; i < at + p.bytes; ++i) {
        const uint8_t c = m.u8(i);
        if ((c < '0' || c > '9') && (c < 'A' || c > 'Z')) return false;
        key = key << 8 | c;
      }
      return true;
    case ValueKind::kU8:
      key = m.u8(at);
      return true;
    case ValueKind::kBe16:
      key = m.be16(at);
      return true;
    case ValueKind::kBe32:
      key = m.be32(at);
      return true;
    case ValueKind::kLe16:
      key = __builtin_bswap16(m.be16(at));
      return true;
    case ValueKind::kLe32:
      key = __builtin_bswap32(m.be32(at));
      return true;
  }
  return false;
}

// What a match of this pattern means; not seen when its value says that it is no match.
Meaning meaning_of(const Pattern& p, const Bytes& message, size_t end) {
  Meaning out;
  Text text(out.text);
  out.cls = p.cls;
  out.final = p.final;
  out.protocol = p.protocol;
  text.add(p.name);
  if (p.kind != ValueKind::kNone) {
    uint64_t key = 0;
    if (!read_value(p, message, end, key)) return {};
    if (p.kind != ValueKind::kLetters) out.value = static_cast<uint32_t>(std::min<uint64_t>(key, UINT32_MAX));
    const auto known =
        std::lower_bound(p.values.begin(), p.values.end(), key, [](const Value& v, uint64_t k) { return v.key < k; });
    text.add("=");
    if (known != p.values.end() && known->key == key) {
      text.add(known->text);
      out.cls = known->cls;
    } else if (p.only_known) {
      return {};
    } else if (p.kind == ValueKind::kLetters) {
      char letters[8];
      for (size_t i = 0; i < p.bytes; ++i) letters[i] = static_cast<char>(key >> 8 * (p.bytes - 1 - i));
      text.add(std::string_view(letters, p.bytes));
    } else {
      text.add(key);
    }
  }
  out.seen = true;
  return out;
}

// A device's reset code stands in a window field that is not the sender's own and on a RST without options.
Meaning window_code(const PatternSet& set, const track::Ending& ending) {
  Meaning out;
  if (ending.rsts == 0) return out;
  const track::RstSeen& r = ending.rst[0];
  if (r.window == 0 || r.opts != 0 || r.window == ending.of(r.from).window) return out;
  const auto code = std::lower_bound(set.windows.begin(), set.windows.end(), r.window,
                                     [](const WindowCode& c, uint16_t w) { return c.window < w; });
  if (code == set.windows.end() || code->window != r.window) return out;
  out.seen = true;
  out.cls = code->cls;
  out.value = code->window;
  Text(out.text).add(code->text);
  return out;
}

}  // namespace

Result<std::unique_ptr<Scanner>> Scanner::create(std::shared_ptr<const Database> database) {
  hs_scratch_t* scratch = nullptr;
  for (const Place p : {Place::kClient, Place::kServer, Place::kRst}) {
    if (database->of(p) == nullptr) continue;
    if (hs_alloc_scratch(database->of(p), &scratch) != HS_SUCCESS) {
      if (scratch != nullptr) hs_free_scratch(scratch);
      return Error{Code::kResource, "no memory to scan messages with"};
    }
  }
  return std::unique_ptr<Scanner>(new Scanner(std::move(database), scratch));
}

Scanner::~Scanner() {
  if (scratch_ != nullptr) hs_free_scratch(scratch_);
}

Meaning Scanner::read(Place place, const Bytes& message) const {
  const hs_database_t* database = database_->of(place);
  if (database == nullptr || message.empty()) return {};
  Hits hits;
  // Hyperscan reads text as char; the bytes are the same.
  const void* text = message.data();
  hs_scan(database, static_cast<const char*>(text), static_cast<unsigned>(message.size()), 0, scratch_, on_match,
          &hits);
  Meaning best;
  unsigned best_id = UINT32_MAX;
  for (size_t i = 0; i < hits.count; ++i) {
    const Hits::Hit& hit = hits.all[i];
    if (hit.id >= best_id) continue;
    const Meaning m = meaning_of(database_->set().patterns[hit.id], message, hit.end);
    if (!m.seen) continue;
    best = m;
    best_id = hit.id;
  }
  return best;
}

Context Scanner::scan(const track::Ending& ending) const {
  Context out;
  const flow::End client = ending.client();
  const auto head = [&ending](flow::End e) {
    const auto side = static_cast<size_t>(e);
    return track::message_of(ending.heads.bytes[side], static_cast<uint8_t>(ending.dir[side].head_len));
  };
  out.at[static_cast<size_t>(Place::kClient)] = read(Place::kClient, head(client));
  out.at[static_cast<size_t>(Place::kServer)] = read(Place::kServer, head(other(client)));
  out.at[static_cast<size_t>(Place::kRst)] = read(Place::kRst, track::message_of(ending.rst_text, ending.rst_text_len));
  out.window = window_code(database_->set(), ending);
  return out;
}

Context scan(const Scanner* scanner, const track::Ending& ending) {
  Context out = scanner != nullptr ? scanner->scan(ending) : Context{};
  const auto client = static_cast<size_t>(ending.client());
  Text(out.server_name)
      .add(track::name_of(ending.heads.bytes[client], static_cast<uint8_t>(ending.dir[client].head_len)));
  return out;
}

}  // namespace rs::context
