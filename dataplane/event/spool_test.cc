// SPDX-License-Identifier: Apache-2.0
#include "dataplane/event/spool.h"

#include <gtest/gtest.h>
#include <signal.h>
#include <spdlog/spdlog.h>
#include <sys/mount.h>
#include <sys/resource.h>
#include <sys/wait.h>
#include <unistd.h>

#include <cstdlib>
#include <filesystem>
#include <fstream>
#include <random>
#include <string>

#include "dataplane/event/crc32c.h"

namespace rs::event {
namespace {

namespace fs = std::filesystem;

// The tests provoke what would be logged.
const auto kQuiet = [] {
  spdlog::set_level(spdlog::level::off);
  return true;
}();

class SpoolTest : public testing::Test {
 protected:
  SpoolTest() {
    std::string name = (fs::temp_directory_path() / "spool_test.XXXXXX").string();
    dir_ = mkdtemp(name.data());
  }
  ~SpoolTest() override {
    std::error_code ignored;
    fs::remove_all(dir_, ignored);
  }
  SpoolConfig config() const {
    SpoolConfig c;
    c.dir = dir_ + "/spool";
    return c;
  }
  std::vector<fs::path> files() const {
    std::vector<fs::path> out;
    for (const auto& entry : fs::directory_iterator(dir_ + "/spool")) {
      if (entry.path().extension() == ".spool") out.push_back(entry.path());
    }
    std::sort(out.begin(), out.end());
    return out;
  }
  std::string dir_;
};

std::unique_ptr<Spool> opened(const SpoolConfig& config) {
  auto spool = Spool::open(config);
  EXPECT_TRUE(spool) << spool.error().text;
  return spool ? std::move(*spool) : nullptr;
}

// Content that tells boot and sequence, of a length of its own.
std::vector<uint8_t> payload(uint64_t boot, uint64_t sequence, size_t size = 0) {
  std::vector<uint8_t> out(size != 0 ? size : 40 + sequence % 17);
  for (size_t i = 0; i < out.size(); ++i) out[i] = static_cast<uint8_t>(boot * 31 + sequence * 7 + i);
  return out;
}

bool put(Spool& spool, uint64_t boot, uint64_t sequence, size_t size = 0, bool force = false) {
  const auto data = payload(boot, sequence, size);
  return spool.append({boot, sequence, sequence * 10, sequence * 100}, data.data(), data.size(), force);
}

std::vector<std::pair<uint64_t, uint64_t>> waiting(Spool& spool, size_t size = 0) {
  std::vector<std::pair<uint64_t, uint64_t>> out;
  for (const Waiting* w = spool.next(0); w != nullptr; w = spool.next(w->ticket + 1)) {
    out.emplace_back(w->info.boot, w->info.sequence);
    const auto data = spool.read(w->ticket);
    EXPECT_NE(data, nullptr);
    if (data != nullptr) {
      EXPECT_EQ(*data, payload(w->info.boot, w->info.sequence, size));
    }
    EXPECT_EQ(w->info.events, w->info.sequence * 10);
    EXPECT_EQ(w->info.endings, w->info.sequence * 100);
  }
  EXPECT_EQ(out.size(), spool.stats().waiting_batches);
  return out;
}

using Ids = std::vector<std::pair<uint64_t, uint64_t>>;

TEST(Crc32c, KnownAnswersAndReference) {
  // RFC 3720 appendix B.4
  const std::vector<uint8_t> zeros(32, 0);
  EXPECT_EQ(crc32c(zeros.data(), zeros.size()), 0x8a9136aaU);
  const std::vector<uint8_t> ones(32, 0xff);
  EXPECT_EQ(crc32c(ones.data(), ones.size()), 0x62a8ab43U);
  std::mt19937 random(1);
  for (size_t size = 0; size < 100; ++size) {
    std::vector<uint8_t> data(size);
    for (uint8_t& b : data) b = static_cast<uint8_t>(random());
    EXPECT_EQ(crc32c(data.data(), size), crc32c_plain(data.data(), size));
    const size_t half = size / 3;
    EXPECT_EQ(crc32c(data.data() + half, size - half, crc32c(data.data(), half)), crc32c(data.data(), size));
  }
}

TEST_F(SpoolTest, OrderRemovalAndReopening) {
  {
    auto spool = opened(config());
    for (uint64_t i = 1; i <= 5; ++i) ASSERT_TRUE(put(*spool, 77, i));
    EXPECT_EQ(waiting(*spool), (Ids{{77, 1}, {77, 2}, {77, 3}, {77, 4}, {77, 5}}));
    EXPECT_TRUE(spool->remove(2));
    EXPECT_FALSE(spool->remove(2));
    EXPECT_FALSE(spool->remove(99));
    EXPECT_EQ(spool->read(2), nullptr);
    EXPECT_EQ(spool->next(2)->ticket, 3U);
    EXPECT_EQ(spool->stats().waiting_events, 130U);
  }
  {
    auto spool = opened(config());
    EXPECT_EQ(spool->stats().recovered_batches, 4U);
    ASSERT_TRUE(put(*spool, 88, 1));
    EXPECT_EQ(waiting(*spool), (Ids{{77, 1}, {77, 3}, {77, 4}, {77, 5}, {88, 1}})) << "earlier boots first";
    for (uint64_t ticket = 1; ticket <= 5; ++ticket) EXPECT_TRUE(spool->remove(ticket));
    EXPECT_EQ(spool->next(0), nullptr);
    EXPECT_EQ(files().size(), 1U) << "only the file being written";
  }
  EXPECT_TRUE(files().empty());
}

TEST_F(SpoolTest, TornAtEveryByte) {
  std::vector<uint64_t> ends;  // file sizes after each batch
  {
    auto spool = opened(config());
    for (uint64_t i = 1; i <= 3; ++i) {
      ASSERT_TRUE(put(*spool, 5, i));
      ends.push_back(fs::file_size(files().at(0)));
    }
  }
  ASSERT_EQ(files().size(), 1U);
  const fs::path file = files()[0];
  const fs::path saved = dir_ + "/saved";
  fs::copy_file(file, saved);
  for (uint64_t size = 0; size <= ends.back(); ++size) {
    fs::remove_all(dir_ + "/spool");
    fs::create_directory(dir_ + "/spool");
    fs::copy_file(saved, file);
    fs::resize_file(file, size);
    Ids want;
    for (uint64_t i = 1; i <= 3; ++i) {
      if (ends[i - 1] <= size) want.emplace_back(5, i);
    }
    {
      auto spool = opened(config());
      ASSERT_NE(spool, nullptr);
      ASSERT_EQ(waiting(*spool), want) << "cut at " << size;
      EXPECT_EQ(spool->stats().lost_batches, 0U);
      if (!want.empty()) {
        EXPECT_EQ(fs::file_size(file), ends[want.size() - 1]) << "the torn tail is off";
      }
      ASSERT_TRUE(put(*spool, 6, 1));
    }
    want.emplace_back(6, 1);
    auto again = opened(config());
    ASSERT_EQ(waiting(*again), want) << "cut at " << size << ", then continued";
  }
}

TEST_F(SpoolTest, TornWithGarbageBlocksAtTheEnd) {
  {
    auto spool = opened(config());
    for (uint64_t i = 1; i <= 3; ++i) ASSERT_TRUE(put(*spool, 5, i));
  }
  const fs::path file = files().at(0);
  // The size was written before the blocks: the last batch's bytes are zeros.
  std::fstream f(file, std::ios::in | std::ios::out | std::ios::binary);
  f.seekp(static_cast<std::streamoff>(fs::file_size(file)) - 20);
  f << std::string(20, '\0');
  f.close();
  auto spool = opened(config());
  EXPECT_EQ(waiting(*spool), (Ids{{5, 1}, {5, 2}}));
}

TEST_F(SpoolTest, EveryDamagedByteIsFoundAndTheRestKept) {
  {
    auto spool = opened(config());
    for (uint64_t i = 1; i <= 3; ++i) ASSERT_TRUE(put(*spool, 5, i));
  }
  const fs::path file = files().at(0);
  std::ifstream in(file, std::ios::binary);
  const std::string whole((std::istreambuf_iterator<char>(in)), {});
  in.close();
  for (size_t at = 0; at < whole.size(); ++at) {
    fs::remove_all(dir_ + "/spool");
    fs::create_directory(dir_ + "/spool");
    std::string bad = whole;
    bad[at] = static_cast<char>(bad[at] ^ 0x40);
    std::ofstream(file, std::ios::binary) << bad;
    auto spool = opened(config());
    ASSERT_NE(spool, nullptr);
    const Ids got = waiting(*spool);  // checks the content of each
    if (at >= 16) {
      // One is damaged, or only its mark (it may count as done or not), or the file's unused word.
      EXPECT_GE(got.size(), 2U) << "byte " << at;
    }
    EXPECT_LE(got.size(), 3U);
    if (at < 8) {
      EXPECT_TRUE(got.empty());
      EXPECT_EQ(fs::file_size(file), whole.size()) << "not a spool file: left alone";
    }
  }
}

TEST_F(SpoolTest, DamageUnderWayIsNotSent) {
  auto spool = opened(config());
  ASSERT_TRUE(put(*spool, 5, 1));
  ASSERT_TRUE(put(*spool, 5, 2));
  std::fstream f(files().at(0), std::ios::in | std::ios::out | std::ios::binary);
  f.seekp(SpoolFile::kFileHeadBytes + SpoolFile::kRecordHeadBytes + 3);
  f << "!!!";
  f.close();
  EXPECT_EQ(spool->read(1), nullptr);
  EXPECT_TRUE(spool->lose(1));
  EXPECT_EQ(spool->stats().lost_batches, 1U);
  EXPECT_EQ(spool->stats().lost_events, 10U);
  EXPECT_NE(spool->read(2), nullptr);
}

// A child appends and says so after each append; it is killed at some instant; all it had said must be there.
TEST_F(SpoolTest, KilledAtAnyInstantLosesNothing) {
  uint64_t boot = 1;
  uint64_t recovered = 0;
  for (int round = 0; round < 10; ++round, ++boot) {
    int pipe_fds[2];
    ASSERT_EQ(pipe(pipe_fds), 0);
    const pid_t child = fork();
    ASSERT_GE(child, 0);
    if (child == 0) {
      auto spool = Spool::open(config());
      if (!spool) _exit(1);
      for (uint64_t i = 1;; ++i) {
        if (!put(**spool, boot, i, 5000)) _exit(2);
        if (write(pipe_fds[1], &i, sizeof(i)) != sizeof(i)) _exit(3);
      }
    }
    close(pipe_fds[1]);
    uint64_t said = 0;
    for (int i = 0; i < 3 + round * 5; ++i) ASSERT_EQ(read(pipe_fds[0], &said, sizeof(said)), 8);
    usleep(static_cast<useconds_t>(round * 137));
    kill(child, SIGKILL);
    while (read(pipe_fds[0], &said, sizeof(said)) == 8) {
    }
    close(pipe_fds[0]);
    waitpid(child, nullptr, 0);

    auto spool = opened(config());
    ASSERT_NE(spool, nullptr);
    uint64_t of_this_boot = 0;
    for (const auto& [b, sequence] : waiting(*spool, 5000)) {
      if (b != boot) continue;
      EXPECT_EQ(sequence, ++of_this_boot);
    }
    EXPECT_GE(of_this_boot, said);
    EXPECT_LE(of_this_boot, said + 1);
    EXPECT_GE(spool->stats().recovered_batches, recovered + said);
    recovered = spool->stats().recovered_batches;
  }
}

TEST_F(SpoolTest, FullDropsTheOldestAndCounts) {
  SpoolConfig c = config();
  c.max_bytes = 1U << 20;
  auto spool = opened(c);
  constexpr size_t kSize = 10'000;
  for (uint64_t i = 1; i <= 1000; ++i) ASSERT_TRUE(put(*spool, 5, i, kSize));
  const SpoolStats stats = spool->stats();
  EXPECT_LE(stats.disk_bytes, c.max_bytes);
  EXPECT_GT(stats.disk_bytes, c.max_bytes * 3 / 4);
  EXPECT_EQ(stats.lost_batches + stats.waiting_batches, 1000U);
  EXPECT_EQ(stats.lost_events + stats.waiting_events, 10U * 1000 * 1001 / 2);
  EXPECT_EQ(stats.lost_endings, stats.lost_events * 10);
  const Ids left = waiting(*spool, kSize);
  for (size_t i = 0; i < left.size(); ++i) EXPECT_EQ(left[i].second, 1000 - left.size() + 1 + i) << "the newest stay";
  uint64_t on_disk = 0;
  for (const auto& f : files()) on_disk += fs::file_size(f);
  EXPECT_EQ(on_disk, stats.disk_bytes);
}

TEST_F(SpoolTest, FullWaitsForFileInput) {
  for (const bool disk : {true, false}) {
    SpoolConfig c = config();
    if (!disk) c.dir.clear();
    c.max_bytes = c.memory_bytes = 1U << 20;
    c.drop_oldest = false;
    auto spool = opened(c);
    uint64_t put_count = 0;
    while (put(*spool, 5, put_count + 1, 10'000)) ++put_count;
    EXPECT_GT(put_count, 90U);
    EXPECT_FALSE(put(*spool, 5, put_count + 1, 10'000));
    EXPECT_TRUE(put(*spool, 5, put_count + 1, 10'000, true)) << "forced";
    ++put_count;
    // All of it acknowledged in order makes room at some point.
    uint64_t ticket = 1;
    while (!put(*spool, 5, put_count + 1, 10'000)) {
      ASSERT_TRUE(spool->remove(ticket++));
    }
    EXPECT_LT(ticket, 30U);
    EXPECT_EQ(spool->stats().lost_batches, 0U);
  }
}

TEST_F(SpoolTest, MemoryOnlyIsBounded) {
  SpoolConfig c;
  c.memory_bytes = 1U << 20;
  auto spool = opened(c);
  for (uint64_t i = 1; i <= 1000; ++i) ASSERT_TRUE(put(*spool, 5, i, 10'000));
  const SpoolStats stats = spool->stats();
  EXPECT_LE(stats.memory_bytes, c.memory_bytes);
  EXPECT_EQ(stats.waiting_batches, 104U);
  EXPECT_EQ(stats.lost_batches, 896U);
  EXPECT_EQ(waiting(*spool, 10'000).front().second, 897U);
  EXPECT_EQ(stats.disk_bytes, 0U);
}

TEST_F(SpoolTest, TwoSensorsOnOneDirectory) {
  auto first = opened(config());
  auto second = Spool::open(config());
  ASSERT_FALSE(second);
  EXPECT_NE(second.error().text.find("in use by another sensor (process " + std::to_string(getpid()) + ")"),
            std::string::npos)
      << second.error().text;
  first.reset();
  EXPECT_TRUE(Spool::open(config()));
}

TEST_F(SpoolTest, DirectoriesThatCannotBeUsed) {
  std::ofstream(dir_ + "/file") << "x";
  SpoolConfig c;
  c.dir = dir_ + "/file/spool";
  auto spool = Spool::open(c);
  ASSERT_FALSE(spool);
  EXPECT_NE(spool.error().text.find(c.dir), std::string::npos);
  c.dir = "/proc/resetscope";
  EXPECT_FALSE(Spool::open(c));
  c.dir = "/proc/self";
  auto locked = Spool::open(c);
  ASSERT_FALSE(locked);
  EXPECT_NE(locked.error().text.find("spool.dir"), std::string::npos) << locked.error().text;
}

TEST_F(SpoolTest, ForeignFilesAreLeftAlone) {
  fs::create_directory(dir_ + "/spool");
  const std::string names[] = {"notes.txt", "batches-0000000000000003.spool", "batches-zz.spool",
                               "batches-0000000000000004.spool.bak"};
  for (const std::string& name : names) std::ofstream(dir_ + "/spool/" + name) << "not a spool file at all, but text";
  fs::create_directory(dir_ + "/spool/batches-0000000000000005.spool.d");
  fs::create_symlink("/etc/passwd", dir_ + "/spool/link");
  {
    auto spool = opened(config());
    ASSERT_NE(spool, nullptr);
    EXPECT_TRUE(put(*spool, 1, 1));
    EXPECT_TRUE(fs::exists(dir_ + "/spool/batches-0000000000000004.spool")) << "numbered after what is there";
  }
  for (const std::string& name : names) EXPECT_EQ(fs::file_size(dir_ + "/spool/" + name), 33U);
  auto again = opened(config());
  EXPECT_EQ(waiting(*again), (Ids{{1, 1}}));
}

TEST_F(SpoolTest, ADiskThatRefusesMeansMemory) {
  auto spool = opened(config());
  ASSERT_TRUE(put(*spool, 5, 1, 5000));
  signal(SIGXFSZ, SIG_IGN);
  rlimit old{};
  getrlimit(RLIMIT_FSIZE, &old);
  const rlimit small{8000, old.rlim_max};  // as a full disk: writes stop half way
  ASSERT_EQ(setrlimit(RLIMIT_FSIZE, &small), 0);
  EXPECT_TRUE(put(*spool, 5, 2, 5000));
  EXPECT_TRUE(put(*spool, 5, 3, 9000));
  setrlimit(RLIMIT_FSIZE, &old);
  EXPECT_EQ(spool->stats().disk_errors, 2U);
  EXPECT_EQ(spool->stats().memory_bytes, 14000U);
  EXPECT_TRUE(put(*spool, 5, 4, 5000)) << "on disk again";
  EXPECT_EQ(spool->stats().memory_bytes, 14000U);
  Ids got;
  for (const Waiting* w = spool->next(0); w != nullptr; w = spool->next(w->ticket + 1)) {
    got.emplace_back(w->info.boot, w->info.sequence);
    ASSERT_NE(spool->read(w->ticket), nullptr);
    EXPECT_EQ(*spool->read(w->ticket), payload(5, w->info.sequence, w->size));
  }
  EXPECT_EQ(got, (Ids{{5, 1}, {5, 2}, {5, 3}, {5, 4}}));
  EXPECT_TRUE(spool->remove(2));
  EXPECT_EQ(spool->stats().memory_bytes, 9000U);
  spool.reset();
  auto again = opened(config());
  EXPECT_EQ(waiting(*again, 5000), (Ids{{5, 1}, {5, 4}}));
}

TEST_F(SpoolTest, AFullFileSystem) {
  const std::string mount_point = dir_ + "/small";
  fs::create_directory(mount_point);
  if (mount("tmpfs", mount_point.c_str(), "tmpfs", 0, "size=64k") != 0) GTEST_SKIP() << "needs the right to mount";
  {
    SpoolConfig c;
    c.dir = mount_point + "/spool";
    auto spool = opened(c);
    for (uint64_t i = 1; i <= 100; ++i) ASSERT_TRUE(put(*spool, 5, i, 3000));
    EXPECT_EQ(waiting(*spool, 3000).size(), 100U);
    EXPECT_GT(spool->stats().disk_errors, 50U);
    for (uint64_t ticket = 1; ticket <= 100; ++ticket) EXPECT_TRUE(spool->remove(ticket));
    ASSERT_TRUE(put(*spool, 5, 101, 3000));
    EXPECT_EQ(spool->stats().memory_bytes, 0U) << "on disk again";
  }
  EXPECT_EQ(umount(mount_point.c_str()), 0);
}

}  // namespace
}  // namespace rs::event
