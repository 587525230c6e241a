// SPDX-License-Identifier: Apache-2.0
//
// Keys of filters, and blocks of segments: what a block tells is what its segments' own rows tell.
#include "control/store/sqlite/lookup.h"

#include <gtest/gtest.h>

#include <algorithm>
#include <map>
#include <memory>
#include <mutex>
#include <random>

#include "control/store/sqlite/schema.h"
#include "control/store/sqlite/sqlite_store.h"

namespace rs::store::sqlite {
namespace {

model::Filter is(model::Field field, const char* ip) {
  return model::test(field, model::Op::kEq, model::Value(model::Prefix{*model::parse_ip(ip), 128}));
}
model::Filter client_is(const char* ip) { return is(model::Field::kClientIp, ip); }
model::Filter server_is(const char* ip) { return is(model::Field::kServerIp, ip); }
LookupKey client(const char* ip) { return client_key(*model::parse_ip(ip)); }
LookupKey server(const char* ip) { return server_key(*model::parse_ip(ip)); }

TEST(LookupTerms, BothEndsOfAPair) {
  const auto one_way = model::all_of({client_is("10.0.0.1"), server_is("10.0.0.2")});
  const auto other_way = model::all_of({server_is("10.0.0.1"), client_is("10.0.0.2")});
  const auto terms = terms_of(model::any_of({one_way, other_way}));
  const LookupTerms wanted = {{client("10.0.0.1"), server("10.0.0.2")}, {client("10.0.0.2"), server("10.0.0.1")}};
  EXPECT_EQ(terms, wanted);
}

TEST(LookupTerms, TheFewestOfAnAnd) {
  const auto servers =
      model::test_in(model::Field::kServerIp, {model::Value(model::Prefix{*model::parse_ip("::1"), 128}),
                                               model::Value(model::Prefix{*model::parse_ip("::2"), 128})});
  const LookupTerms one = {{client("10.0.0.1"), std::nullopt}};
  EXPECT_EQ(terms_of(model::all_of({servers, client_is("10.0.0.1")})), one);
  EXPECT_EQ(terms_of(servers)->size(), 2u);
}

TEST(LookupTerms, NoneWhereOthersMatchToo) {
  const auto port = model::test(model::Field::kServerPort, model::Op::kEq, model::Value(uint64_t{443}));
  EXPECT_FALSE(terms_of(model::any_of({client_is("10.0.0.1"), port})));
  EXPECT_FALSE(terms_of(model::negate(client_is("10.0.0.1"))));
  EXPECT_FALSE(terms_of({}));
}

TEST(LookupRow, CutBytesAreDamaged) {
  LookupRow row(100);
  row.add(100, 1);
  row.add(1000, 0xabcd);
  std::vector<std::pair<uint64_t, uint16_t>> read;
  const auto take = [&](uint64_t cursor, uint16_t mark) { read.emplace_back(cursor, mark); };
  EXPECT_TRUE(LookupRow::read(row.bytes(), 100, take));
  EXPECT_EQ(read, (std::vector<std::pair<uint64_t, uint16_t>>{{100, 1}, {1000, 0xabcd}}));
  for (size_t size = 1; size < row.bytes().size(); ++size) {
    if (size == 3) continue;  // the whole first entry
    EXPECT_FALSE(LookupRow::read(row.bytes().substr(0, size), 100, take)) << size;
  }
  EXPECT_FALSE(LookupRow::read(std::string(20, '\xff'), 100, take));  // a number without end
}

// Few events a segment, at cursors far apart: one server that all of them have, many rare ones.
class BlockTest : public testing::Test {
 protected:
  static constexpr uint64_t kEvents = 300;
  static constexpr uint64_t kRare = 500;

  void SetUp() override {
    auto opened = open_writer(std::string(kMemory));
    ASSERT_TRUE(opened) << opened.error().text;
    db_ = std::make_unique<Connection>(std::move(*opened));
    ASSERT_TRUE(blocks_.prepare(*db_));
  }

  static LookupKey common() { return server("10.9.9.9"); }
  static LookupKey rare(uint64_t n) { return client_key(model::from_v4(0x0a000000 + static_cast<uint32_t>(n))); }

  void write_segment(uint64_t number) {
    std::vector<uint64_t> cursors(kEvents);
    for (uint64_t& cursor : cursors) cursor = number * kSegmentEvents + random_() % kSegmentEvents;
    std::ranges::sort(cursors);
    cursors.erase(std::unique(cursors.begin(), cursors.end()), cursors.end());
    std::map<uint16_t, LookupRow> slots;
    for (const uint64_t cursor : cursors) {
      const uint64_t n = random_() % kRare;
      truth_[n].push_back(cursor);
      all_.push_back(cursor);
      for (const LookupKey& key : {rare(n), common()})
        slots.try_emplace(key.slot, number * kSegmentEvents).first->second.add(cursor, key.mark);
    }
    auto slot = db_->prepare("INSERT INTO lookup VALUES(?, ?, ?)", false);
    ASSERT_TRUE(slot);
    for (const auto& [place, row] : slots) {
      slot->bind(1, number);
      slot->bind(2, static_cast<int64_t>(place));
      slot->bind_blob(3, row.bytes());
      ASSERT_EQ(slot->run(), SQLITE_OK);
    }
    ASSERT_TRUE(db_->execute("INSERT INTO segment VALUES(" + std::to_string(number) + ", 0, 1)"));
    ASSERT_EQ(blocks_.grow(number + 1), SQLITE_OK);
  }

  // What the lookup finds of a term, all segments together.
  std::vector<uint64_t> find(const LookupTerm& term) {
    ReaderPool pool;
    std::mutex mutex;
    pool.share(db_.get(), &mutex);
    auto lease = pool.lease({});
    EXPECT_TRUE(lease);
    auto lookup = Lookup::open(*lease);
    EXPECT_TRUE(lookup);
    const auto segments = lookup->segments({});
    EXPECT_TRUE(segments);
    std::vector<uint64_t> out;
    for (const Lookup::Segment& segment : *segments) {
      const auto some = lookup->candidates(segment, {term});
      EXPECT_TRUE(some) << some.error().text;
      if (!some) return out;
      out.insert(out.end(), some->begin(), some->end());
    }
    std::ranges::sort(out);
    return out;
  }
  int64_t rows() { return *db_->scalar("SELECT count(*) FROM lookup_block"); }

  std::unique_ptr<Connection> db_;
  BlockWriter blocks_;
  std::mt19937_64 random_{7};
  std::map<uint64_t, std::vector<uint64_t>> truth_;
  std::vector<uint64_t> all_;
};

TEST_F(BlockTest, TellsWhatItsSegmentsTell) {
  constexpr int64_t kRowsOfABlock = kSlots * 16;
  for (uint64_t number = 0; number < 2 * kBlockSegments + 5; ++number) write_segment(number);
  EXPECT_EQ(rows() / kRowsOfABlock, 1);  // one whole block, the next in part
  EXPECT_GT(rows() % kRowsOfABlock, 0);
  for (uint64_t n = 0; n < kRare; n += 7) {
    EXPECT_EQ(find({rare(n), std::nullopt}), truth_[n]);
    EXPECT_EQ(find({rare(n), common()}), truth_[n]);
    const auto both = find({rare(n), rare(n + 1)});  // nothing has two clients: in the block that is known
    EXPECT_FALSE(!both.empty() && both.front() < kBlockSegments * kSegmentEvents);
  }
  EXPECT_EQ(find({common(), std::nullopt}), all_);  // its row is a long one
  EXPECT_EQ(find({rare(kRare), std::nullopt}), std::vector<uint64_t>{});
}

TEST_F(BlockTest, GoesOnAfterARollback) {
  for (uint64_t number = 0; number < kBlockSegments + 9; ++number) write_segment(number);
  const int64_t before = rows();
  ASSERT_TRUE(db_->execute("BEGIN"));
  ASSERT_EQ(blocks_.grow(kBlockSegments + 9), SQLITE_OK);
  EXPECT_GT(rows(), before);
  ASSERT_TRUE(db_->execute("ROLLBACK"));
  ASSERT_TRUE(blocks_.prepare(*db_));
  EXPECT_EQ(rows(), before);
  for (uint64_t number = kBlockSegments + 9; number < 2 * kBlockSegments + 2; ++number) write_segment(number);
  for (uint64_t n = 0; n < kRare; n += 50) EXPECT_EQ(find({rare(n), common()}), truth_[n]);
}

// A store of an older program has no blocks yet: the more of them wait, the more at a time.
TEST_F(BlockTest, CatchesUpWithWhatWaits) {
  for (uint64_t number = 0; number < 3 * kBlockSegments; ++number) write_segment(number);
  ASSERT_TRUE(db_->execute("DELETE FROM lookup_block"));
  ASSERT_TRUE(blocks_.prepare(*db_));
  for (uint64_t number = 3 * kBlockSegments; number < 4 * kBlockSegments - 1; ++number) write_segment(number);
  EXPECT_GT(rows(), 2 * kSlots * 16);
  for (uint64_t n = 0; n < kRare; n += 50) EXPECT_EQ(find({rare(n), common()}), truth_[n]);
}

TEST_F(BlockTest, DamagedRowsAreAnErrorNotAnAnswer) {
  for (uint64_t number = 0; number < 2 * kBlockSegments; ++number) write_segment(number);
  ASSERT_TRUE(db_->execute(
      "UPDATE lookup_block SET cursors = substr(cursors, 1, length(cursors) - 1) WHERE length(cursors) > 0"));
  ReaderPool pool;
  std::mutex mutex;
  pool.share(db_.get(), &mutex);
  auto lease = pool.lease({});
  auto lookup = Lookup::open(*lease);
  const auto found = lookup->candidates({5, 0, 1}, {{rare(1), std::nullopt}});
  ASSERT_FALSE(found);
  EXPECT_EQ(found.error().code, Code::kCorrupt);
}

}  // namespace
}  // namespace rs::store::sqlite
