// SPDX-License-Identifier: Apache-2.0
#include "dataplane/capture/file_source.h"

#include <fcntl.h>
#include <gtest/gtest.h>
#include <sys/stat.h>
#include <unistd.h>
#include <zlib.h>

#include <algorithm>
#include <chrono>
#include <fstream>
#include <memory>
#include <thread>

#include "dataplane/capture/capture_writer.h"

namespace rs::capture {
namespace {

using test::Bytestring;
using test::PcapngWriter;
using test::PcapWriter;
using test::TempFile;

struct Seen {
  std::string data;
  uint32_t wire;
  TimeNs time;
  LinkType link;
  uint8_t port;
  bool operator==(const Seen&) const = default;
};

struct Drained {
  std::vector<Seen> frames;
  SourceCounts counts;
  std::vector<std::string> warnings;
  FileSource::Progress progress;
  TimeNs now = 0;
};

Drained drain(FileSource& source) {
  Drained run;
  Burst burst;
  while (source.receive(burst)) {
    for (uint32_t i = 0; i < burst.count; ++i) {
      const Frame& f = burst.frames[i];
      run.frames.push_back(
          {std::string(reinterpret_cast<const char*>(f.data), f.captured_bytes), f.wire_bytes, f.time, f.link, f.port});
    }
    source.release(burst);
  }
  EXPECT_FALSE(source.receive(burst));
  EXPECT_EQ(burst.count, 0u);
  run.counts = source.counts();
  run.warnings = source.warnings();
  run.progress = source.progress();
  run.now = burst.now;
  return run;
}

Drained read_all(const std::vector<std::string>& contents, uint32_t workers = 1) {
  std::vector<std::unique_ptr<TempFile>> temps;
  std::vector<std::string> paths;
  for (const std::string& c : contents) {
    temps.push_back(std::make_unique<TempFile>(c));
    EXPECT_TRUE(temps.back()->good());
    paths.push_back(temps.back()->path());
  }
  auto files = open_files(paths, workers);
  EXPECT_TRUE(files) << files.error().text;
  if (!files) return {};
  FileSource source(*files);
  return drain(source);
}

// The open error without the file's path.
std::string refusal(const std::string& bytes) {
  const TempFile file(bytes);
  const auto files = open_files({file.path()}, 1);
  return files ? "accepted" : files.error().text.substr(file.path().size());
}

// The same bytes through a pipe, written in pieces of `step`.
Drained through_pipe(const std::string& bytes, size_t step, uint32_t workers = 1) {
  int ends[2];
  EXPECT_EQ(::pipe(ends), 0);
  std::thread writer([&] {
    for (size_t at = 0; at < bytes.size(); at += step) {
      const size_t n = std::min(step, bytes.size() - at);
      if (::write(ends[1], bytes.data() + at, n) != static_cast<ssize_t>(n)) break;
    }
    ::close(ends[1]);
  });
  Drained run;
  auto files = open_files({"/dev/fd/" + std::to_string(ends[0])}, workers);
  if (files) {
    EXPECT_EQ((*files)[0]->stream(), workers == 1 && static_cast<uint8_t>(bytes[0]) != 0x1f);
    FileSource source(*files);
    run = drain(source);
  } else {
    run.warnings = {files.error().text};
  }
  ::close(ends[0]);
  writer.join();
  return run;
}

std::string gzip(const std::string& bytes) {
  z_stream z{};
  EXPECT_EQ(deflateInit2(&z, 6, Z_DEFLATED, 15 + 16, 8, Z_DEFAULT_STRATEGY), Z_OK);
  std::string out(deflateBound(&z, bytes.size()), '\0');
  std::string in = bytes;
  z.next_in = reinterpret_cast<Bytef*>(in.data());
  z.avail_in = static_cast<uInt>(in.size());
  z.next_out = reinterpret_cast<Bytef*>(out.data());
  z.avail_out = static_cast<uInt>(out.size());
  EXPECT_EQ(deflate(&z, Z_FINISH), Z_STREAM_END);
  out.resize(out.size() - z.avail_out);
  deflateEnd(&z);
  return out;
}

TEST(Pcap, AllMagicsInBothByteOrders) {
  struct Case {
    uint32_t magic;
    uint32_t fraction;
    TimeNs ns;
  };
  for (const Case& c : {Case{0xa1b2c3d4, 250000, 250'000'000}, Case{0xa1b23c4d, 250000007, 250'000'007},
                        Case{0xa1b2cd34, 999999, 999'999'000}}) {
    for (const bool swapped : {false, true}) {
      const PcapWriter w{.magic = c.magic, .swapped = swapped};
      const Drained run =
          read_all({w.header() + w.packet(1700000000, c.fraction, "hello", 99) + w.packet(4294967295, c.fraction, "")});
      ASSERT_EQ(run.frames.size(), 2u) << std::hex << c.magic;
      EXPECT_EQ(run.frames[0], (Seen{"hello", 99, 1700000000 * kSecond + c.ns, LinkType::kEthernet, 0}));
      EXPECT_EQ(run.frames[1], (Seen{"", 0, 4294967295 * kSecond + c.ns, LinkType::kEthernet, 0}));
      EXPECT_EQ(run.counts.rx_pkts, 2u);
      EXPECT_EQ(run.counts.rx_bytes, 99u);
      EXPECT_EQ(run.counts.truncated_pkts, 1u);
      EXPECT_EQ(run.counts.bad_records, 0u);
      EXPECT_TRUE(run.warnings.empty());
      EXPECT_EQ(run.now, run.frames[1].time);
      EXPECT_EQ(run.progress.read_bytes + kPcapHeaderBytes, run.progress.total_bytes);
    }
  }
}

TEST(Pcap, LinkTypes) {
  const std::pair<uint32_t, LinkType> known[] = {
      {0, LinkType::kNull},          {1, LinkType::kEthernet},         {101, LinkType::kRawIp},
      {108, LinkType::kNull},        {113, LinkType::kLinuxCooked},    {228, LinkType::kRawIp},
      {229, LinkType::kRawIp},       {276, LinkType::kLinuxCooked2},   {9, LinkType::kPpp},
      {50, LinkType::kPpp},          {51, LinkType::kPppoe},           {104, LinkType::kCiscoHdlc},
      {105, LinkType::kUnsupported}, {0x34000001, LinkType::kEthernet}};  // with a 4-byte frame check sequence
  for (const auto& [number, link] : known) {
    const PcapWriter w{.linktype = number};
    const Drained run = read_all({w.header() + w.packet(1, 0, "x")});
    ASSERT_EQ(run.frames.size(), 1u);  // unsupported ones are delivered too, to be counted
    EXPECT_EQ(run.frames[0].link, link) << number;
  }
}

TEST(Pcap, UnreadableHeadersAreRefusedInPlainWords) {
  EXPECT_EQ(refusal(""), ": empty file, no capture header");
  EXPECT_EQ(refusal("ab"), ": cut within its capture header: 2 of 24 bytes");
  EXPECT_EQ(refusal(PcapWriter{}.header().substr(0, 23)), ": cut within its pcap header: 23 of 24 bytes");
  EXPECT_EQ(refusal("GET / HTTP/1.1\r\nHost: x\r\n\r\n"),
            ": not a capture file: bad magic 0x47455420; expected pcap or pcapng");
  EXPECT_EQ(
      refusal(std::string("\x28\xb5\x2f\xfd", 4) + std::string(40, 'x')),
      ": not a capture file: bad magic 0x28b52ffd; expected pcap or pcapng; this is zstd: unpack it with zstd -d");
  EXPECT_EQ(refusal(PcapWriter{.major = 7}.header()), ": pcap version 7 is not supported; expected 2");
  EXPECT_EQ(refusal(PcapngWriter{}.section().substr(0, 20)), ": cut within its pcapng header: 20 of 28 bytes");
  EXPECT_EQ(refusal(PcapngWriter{}.section(2)), ": pcapng version 2 is not supported; expected 1");
  std::string order = PcapngWriter{}.section();
  order[8] = 'x';
  EXPECT_EQ(refusal(order), ": damaged pcapng header: byte-order magic 0x1a2b3c78");

  const auto missing = open_files({"/nonexistent.pcap"}, 1);
  ASSERT_FALSE(missing);
  EXPECT_EQ(missing.error().code, Code::kNotFound);
  EXPECT_EQ(missing.error().text, "/nonexistent.pcap: cannot be opened: No such file or directory");
  const auto dir = open_files({"/tmp"}, 1);
  ASSERT_FALSE(dir);
  EXPECT_EQ(dir.error().text, "/tmp: is a directory, not a capture file");
}

TEST(Pcap, DamageEndsTheFileAndIsCounted) {
  const PcapWriter w;
  const std::string good = w.header() + w.packet(1, 0, "one") + w.packet(2, 0, "two");
  const Drained cut = read_all({good + w.packet(3, 0, "three").substr(0, 18)});
  EXPECT_EQ(cut.frames.size(), 2u);
  EXPECT_EQ(cut.counts.bad_records, 1u);
  ASSERT_EQ(cut.warnings.size(), 1u);
  EXPECT_NE(cut.warnings[0].find(": at byte 62: the file is cut within a record: its last 18 bytes are lost"),
            std::string::npos)
      << cut.warnings[0];

  const Drained corrupt =
      read_all({good + Bytestring().u32(3).u32(0).u32(262145).u32(262145).str() + std::string(300000, 'x')});
  EXPECT_EQ(corrupt.frames.size(), 2u);
  EXPECT_EQ(corrupt.counts.bad_records, 1u);
  ASSERT_EQ(corrupt.warnings.size(), 1u);
  EXPECT_NE(corrupt.warnings[0].find("captured length 262145 is more than 262144"), std::string::npos);

  const Drained largest = read_all({w.header() + w.packet(1, 0, std::string(262144, 'x'))});
  EXPECT_EQ(largest.frames.size(), 1u);
  EXPECT_EQ(largest.counts.bad_records, 0u);
}

TEST(Pcapng, BothByteOrdersSectionsAndBlockKinds) {
  for (const bool swapped : {false, true}) {
    const PcapngWriter a{swapped};
    const PcapngWriter b{!swapped};
    const std::string bytes = a.section() + a.interface(1) + a.interface(113, a.resolution(9)) +
                              a.packet(0, 1700000000'000001, "micro") + a.block(4, "names are skipped") +
                              a.packet(1, 1700000000'000000002, "nanos", 1500) + a.old_packet(0, 5, "old") +
                              a.simple("simple") + b.section() + b.interface(101) + b.packet(0, 7, "second section");
    const Drained run = read_all({bytes});
    ASSERT_EQ(run.frames.size(), 5u);
    EXPECT_EQ(run.frames[0], (Seen{"micro", 5, 1700000000'000001000, LinkType::kEthernet, 0}));
    EXPECT_EQ(run.frames[1], (Seen{"nanos", 1500, 1700000000'000000002, LinkType::kLinuxCooked, 0}));
    EXPECT_EQ(run.frames[2], (Seen{"old", 3, 5000, LinkType::kEthernet, 0}));
    EXPECT_EQ(run.frames[3], (Seen{"simple", 6, 5000, LinkType::kEthernet, 0}));
    EXPECT_EQ(run.frames[4], (Seen{"second section", 14, 7000, LinkType::kRawIp, 0}));
    EXPECT_EQ(run.counts.bad_records, 0u) << (run.warnings.empty() ? "" : run.warnings[0]);
    EXPECT_EQ(run.progress.read_bytes, bytes.size());
  }
}

TEST(Pcapng, TimestampResolutionsAndOffsets) {
  struct Case {
    std::string options;
    uint64_t ts;
    TimeNs want;
  };
  const PcapngWriter w;
  const Case cases[] = {
      {"", 1, 1000},
      {w.resolution(0), 3, 3 * kSecond},
      {w.resolution(3), 3, 3 * kMs},
      {w.resolution(9), 3, 3},
      {w.resolution(12), 3999, 3},
      {w.resolution(127), UINT64_MAX, 1},  // 10^-27 and finer is nothing to us; must not divide by zero
      {w.resolution(0x80), 3, 3 * kSecond},
      {w.resolution(0x80 | 10), 1536, kSecond + kSecond / 2},
      {w.resolution(0x80 | 32), uint64_t{5} << 32, 5 * kSecond},
      {w.resolution(0x80 | 127), UINT64_MAX, 0},
      {w.time_offset(100), 1, 100 * kSecond + 1000},
      {w.time_offset(100), 0, 100 * kSecond},
      {w.time_offset(-1), 1'500'000, kSecond / 2},
      {w.time_offset(-100), 1, 0},
      {w.time_offset(INT64_MAX), 1, kLatestTime},
      {w.time_offset(INT64_MIN), 1, 0},
      {w.resolution(0), UINT64_MAX, kLatestTime},
      {w.resolution(6) + w.option(0, "") + w.resolution(9), 1, 1000},  // nothing counts after the end option
      {w.option(9, "ab") + w.option(14, "x"), 1, 1000},                // options of a wrong size are not ours
  };
  for (const Case& c : cases) {
    const Drained run = read_all({w.section() + w.interface(1, c.options) + w.packet(0, c.ts, "x")});
    ASSERT_EQ(run.frames.size(), 1u);
    if (c.ts == UINT64_MAX && c.want == 1) {
      EXPECT_LE(run.frames[0].time, 2u);
    } else {
      EXPECT_EQ(run.frames[0].time, c.want) << "case " << &c - cases;
    }
  }
}

TEST(Pcapng, DamageIsCountedAndSkippedWhereTheBlockEnds) {
  const PcapngWriter w;
  const std::string head = w.section() + w.interface(1);
  const std::string tail = w.packet(0, 9, "after");
  const auto overlong = [&](uint32_t type, size_t fixed) {  // says 100 captured bytes, holds 4
    std::string body(fixed, '\0');
    body[12] = 100;
    return w.block(type, body + "abcd");
  };
  const std::string skipped[] = {w.packet(7, 1, "unknown interface"),
                                 w.block(6, "short"),
                                 w.block(2, "short"),
                                 w.block(3, ""),
                                 overlong(6, 20),
                                 overlong(2, 20),
                                 w.block(1, "shor")};
  for (const std::string& bad : skipped) {
    const Drained run = read_all({head + bad + tail});
    ASSERT_EQ(run.frames.size(), 1u);
    EXPECT_EQ(run.frames[0].data, "after");
    EXPECT_EQ(run.counts.bad_records, 1u);
    EXPECT_EQ(run.warnings.size(), 1u);
  }
  std::string odd = w.packet(0, 1, "xxxx");
  odd[4] = 35;
  std::string differ = w.packet(0, 1, "xxxx");
  differ[differ.size() - 4] ^= 4;
  std::string order = w.section();
  order[9] = 0;
  const std::string ends[] = {odd,
                              differ,
                              order,
                              w.section(3),
                              Bytestring().u32(6).u32(8).u32(8).str(),
                              Bytestring().u32(6).u32(0xfffffffc).u32(0).str()};
  for (const std::string& bad : ends) {
    const Drained run = read_all({head + w.packet(0, 1, "before") + bad + tail});
    ASSERT_EQ(run.frames.size(), 1u);
    EXPECT_EQ(run.counts.bad_records, 1u);
    EXPECT_EQ(run.warnings.size(), 1u);
  }
  std::string many = head;
  for (int i = 0; i < 100; ++i) many += w.packet(7, 1, "x");
  const Drained run = read_all({many});
  EXPECT_EQ(run.counts.bad_records, 100u);
  EXPECT_EQ(run.warnings.size(), 9u);  // eight and "further damage"
}

TEST(Pcapng, SimplePacketsObeyTheSnapLength) {
  const PcapngWriter w;
  const Drained run = read_all({w.section() + w.interface(1, "", 4) + w.simple("abcd", 1000)});
  ASSERT_EQ(run.frames.size(), 1u);
  EXPECT_EQ(run.frames[0], (Seen{"abcd", 1000, 0, LinkType::kEthernet, 0}));
  EXPECT_EQ(run.counts.truncated_pkts, 1u);
}

// Every prefix of a file, mapped and as a stream: no crash, and no frame but the whole file's.
TEST(Truncation, EveryPrefixOfBothFormats) {
  const PcapWriter p;
  const PcapngWriter n;
  const std::string samples[] = {
      p.header() + p.packet(1, 1, "first") + p.packet(2, 2, "") + p.packet(3, 3, "third one"),
      n.section() + n.interface(1, n.resolution(9) + n.time_offset(1)) + n.packet(0, 1, "first") + n.simple("second") +
          n.old_packet(0, 3, "third") + n.section() + n.interface(101) + n.packet(0, 4, "fourth")};
  for (const std::string& sample : samples) {
    const Drained whole = read_all({sample});
    ASSERT_GE(whole.frames.size(), 3u);
    for (size_t size = 0; size < sample.size(); ++size) {
      const TempFile file(sample.substr(0, size));
      const auto files = open_files({file.path()}, 1);
      if (!files) {
        EXPECT_LT(size, kPcapngHeaderBytes);
        continue;
      }
      FileSource source(*files);
      const Drained run = drain(source);
      ASSERT_LE(run.frames.size(), whole.frames.size());
      for (size_t i = 0; i < run.frames.size(); ++i) EXPECT_EQ(run.frames[i], whole.frames[i]);
      EXPECT_LE(run.counts.bad_records, 1u);
      EXPECT_EQ(run.counts.bad_records, run.warnings.size());
      if (size > 0) {
        const Drained piped = through_pipe(sample.substr(0, size), 7);
        EXPECT_EQ(piped.frames, run.frames) << size;
        EXPECT_EQ(piped.counts.bad_records, run.counts.bad_records) << size;
      }
    }
  }
}

// Every byte of a file set to nasty values: no crash, bounded frames.
TEST(Truncation, EveryByteCorrupted) {
  const PcapWriter p{.magic = 0xa1b2cd34};
  const PcapngWriter n;
  const std::string samples[] = {p.header() + p.packet(1, 1, "first") + p.packet(2, 2, "second"),
                                 n.section() + n.interface(1, n.resolution(9) + n.time_offset(1)) +
                                     n.packet(0, 1, "first") + n.simple("second") + n.old_packet(0, 3, "third")};
  for (const std::string& sample : samples) {
    for (size_t at = 0; at < sample.size(); ++at) {
      for (const int value : {0x00, 0x01, 0x7f, 0x80, 0xff}) {
        std::string bytes = sample;
        bytes[at] = static_cast<char>(value);
        const TempFile file(bytes);
        const auto files = open_files({file.path()}, 1);
        if (!files) continue;
        FileSource source(*files);
        EXPECT_LE(drain(source).frames.size(), 3u);
      }
    }
  }
}

TEST(Merge, FilesGiveOneStreamInTimeOrder) {
  const PcapWriter p;
  const PcapngWriter n;
  std::string even = p.header();
  std::string odd = n.section() + n.interface(1);
  for (uint32_t i = 0; i < 1000; i += 2) even += p.packet(i, 0, "e");
  for (uint32_t i = 1; i < 1000; i += 2) odd += n.packet(0, uint64_t{i} * 1000000, "o");
  const std::string late = p.header() + p.packet(1000, 0, "rotated") + p.packet(1001, 0, "rotated");
  const Drained run = read_all({late, even, odd, p.header()});
  ASSERT_EQ(run.frames.size(), 1002u);
  for (size_t i = 0; i < run.frames.size(); ++i) EXPECT_EQ(run.frames[i].time, i * kSecond);
  EXPECT_EQ(run.frames[0].port, 1);
  EXPECT_EQ(run.frames[1].port, 2);
  EXPECT_EQ(run.frames[1001].port, 0);
  EXPECT_EQ(run.counts.bad_records, 0u);
}

TEST(Merge, TiesGoByOrderAndBackwardTimesStayInPlace) {
  const PcapWriter p;
  const Drained run = read_all({p.header() + p.packet(5, 0, "a5") + p.packet(3, 0, "a3") + p.packet(6, 0, "a6"),
                                p.header() + p.packet(5, 0, "b5") + p.packet(6, 0, "b6")});
  std::string order;
  for (const Seen& s : run.frames) order += s.data + " ";
  EXPECT_EQ(order, "a5 a3 b5 a6 b6 ");
}

// Rotated files named in the wrong order, cut between two packets of the same time.
TEST(Merge, TiesGoByWhichFileStartsEarlier) {
  const PcapWriter p;
  const Drained run = read_all({p.header() + p.packet(5, 0, "b5") + p.packet(6, 0, "b6"),
                                p.header() + p.packet(4, 0, "a4") + p.packet(5, 0, "a5")});
  std::string order;
  for (const Seen& s : run.frames) order += s.data + " ";
  EXPECT_EQ(order, "a4 a5 b5 b6 ");
}

TEST(Stream, EqualsTheFileWhateverThePieces) {
  const PcapWriter p;
  const PcapngWriter n;
  std::string pcap = p.header();
  std::string pcapng = n.section() + n.interface(1);
  for (uint32_t i = 0; i < 300; ++i) {
    pcap += p.packet(i, i, std::string(i * 13 % 5000, static_cast<char>(i)));
    pcapng += n.packet(0, i, std::string(i * 13 % 5000, static_cast<char>(i)));
  }
  pcapng += n.block(0x40000bad, std::string(3 << 20, 'x')) + n.packet(0, 1, "after a 3 MiB block");
  for (const std::string& bytes : {pcap, pcapng}) {
    const Drained file = read_all({bytes});
    for (const size_t step : {size_t{1000}, size_t{65536}, bytes.size()}) {
      const Drained piped = through_pipe(bytes, step);
      EXPECT_EQ(piped.frames, file.frames);
      EXPECT_EQ(piped.counts.bad_records, 0u);
      EXPECT_EQ(piped.progress.total_bytes, 0u);
    }
    EXPECT_EQ(through_pipe(bytes, 4096, 2).frames, file.frames);  // several workers: spooled
  }
}

TEST(Stream, SilenceIsAnEmptyBurstNotTheEnd) {
  int ends[2];
  ASSERT_EQ(::pipe(ends), 0);
  const PcapWriter p;
  const std::string first = p.header() + p.packet(7, 0, "one");
  ASSERT_EQ(::write(ends[1], first.data(), first.size()), static_cast<ssize_t>(first.size()));
  auto files = open_files({"/dev/fd/" + std::to_string(ends[0])}, 1);
  ASSERT_TRUE(files) << files.error().text;
  FileSource source(*files);
  Burst burst;
  ASSERT_TRUE(source.receive(burst));
  EXPECT_EQ(burst.count, 1u);
  source.release(burst);
  ASSERT_TRUE(source.receive(burst));
  EXPECT_EQ(burst.count, 0u);
  EXPECT_EQ(burst.now, 7 * kSecond);
  source.stop();
  EXPECT_FALSE(source.receive(burst));
  ::close(ends[0]);
  ::close(ends[1]);
}

TEST(Gzip, IsUnpackedAndDamageIsTold) {
  const PcapWriter p;
  std::string bytes = p.header();
  for (uint32_t i = 0; i < 20000; ++i) bytes += p.packet(i, 0, "payload number " + std::to_string(i * 2654435761u));
  const Drained plain = read_all({bytes});
  const std::string packed = gzip(bytes);
  EXPECT_EQ(read_all({packed}).frames, plain.frames);
  EXPECT_EQ(read_all({gzip(bytes.substr(0, 1000)) + gzip(bytes.substr(1000))}).frames, plain.frames);
  EXPECT_EQ(through_pipe(packed, 5000).frames, plain.frames);

  const Drained cut = read_all({packed.substr(0, packed.size() / 2)});
  EXPECT_GT(cut.frames.size(), 1000u);
  EXPECT_LT(cut.frames.size(), plain.frames.size());
  EXPECT_GE(cut.counts.bad_records, 1u);
  ASSERT_GE(cut.warnings.size(), 1u);
  EXPECT_NE(cut.warnings[0].find("gzip data is cut after"), std::string::npos);
  std::string damaged = packed;
  for (size_t i = packed.size() / 2; i < packed.size() / 2 + 64; ++i) damaged[i] = 'x';
  EXPECT_GE(read_all({damaged}).counts.bad_records, 1u);
}

TEST(Pacing, PacketsComeAtTheirTimeAndNowRunsOn) {
  const PcapWriter p;
  const TempFile file(p.header() + p.packet(100, 0, "a") + p.packet(100, 50000, "b") + p.packet(101, 0, "c"));
  auto files = open_files({file.path()}, 1);
  ASSERT_TRUE(files);
  FileSource source(*files, 10);
  const auto from = std::chrono::steady_clock::now();
  Burst burst;
  uint32_t frames = 0;
  bool between = false;
  TimeNs last = 0;
  while (source.receive(burst)) {
    EXPECT_GE(burst.now, last);
    last = burst.now;
    frames += burst.count;
    between = between || (burst.count == 0 && burst.now > 100 * kSecond + 100 * kMs && burst.now < 101 * kSecond);
    source.release(burst);
  }
  const auto took = std::chrono::steady_clock::now() - from;
  EXPECT_EQ(frames, 3u);
  EXPECT_TRUE(between);
  EXPECT_GE(took, std::chrono::milliseconds(100));
  EXPECT_LT(took, std::chrono::milliseconds(1000));
}

TEST(FileSource, TwoWorkersReadTheSameMapping) {
  const PcapWriter p;
  std::string bytes = p.header();
  for (uint32_t i = 0; i < 1000; ++i) bytes += p.packet(i, 0, std::to_string(i));
  const TempFile file(bytes);
  auto files = open_files({file.path()}, 2);
  ASSERT_TRUE(files);
  FileSource a(*files);
  FileSource b(*files);
  EXPECT_EQ(drain(a).frames, drain(b).frames);
}

// Bytes of files this process has mapped and touched.
size_t resident_of_files() {
  std::ifstream status("/proc/self/status");
  for (std::string word; status >> word;) {
    size_t kib = 0;
    if (word == "RssFile:" && status >> kib) return kib * 1024;
  }
  return 0;
}

TEST(FileSource, WhatIsReadOfALargeFileDoesNotStayInMemory) {
  constexpr size_t kFrame = 200'000;
  constexpr size_t kFrames = 1000;
  const PcapWriter w;
  const TempFile file(w.header());
  {  // a file with holes: only the records' headers are written
    std::ofstream out(file.path(), std::ios::binary | std::ios::in);
    out.seekp(0, std::ios::end);
    for (uint32_t i = 0; i < kFrames; ++i) {
      out << Bytestring().u32(i).u32(0).u32(kFrame).u32(kFrame).str();
      out.seekp(kFrame - (i + 1 == kFrames ? 1 : 0), std::ios::cur);
    }
    out.put(0);
  }
  auto files = open_files({file.path()}, 1);
  ASSERT_TRUE(files) << files.error().text;
  FileSource source(*files);
  const size_t before = resident_of_files();
  size_t most = 0;
  size_t frames = 0;
  Burst burst;
  while (source.receive(burst)) {
    for (uint32_t i = 0; i < burst.count; ++i, ++frames) {
      EXPECT_EQ(burst.frames[i].time, frames * kSecond);
      for (size_t at = 0; at < kFrame; at += 4096) EXPECT_EQ(burst.frames[i].data[at], 0);
    }
    most = std::max(most, resident_of_files());
  }
  EXPECT_EQ(frames, kFrames);
  EXPECT_TRUE(source.warnings().empty());
  EXPECT_GT(most, before);
  EXPECT_LT(most - before, 100u << 20) << "of " << kFrames * kFrame << " bytes";
}

}  // namespace
}  // namespace rs::capture
