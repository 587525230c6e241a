// SPDX-License-Identifier: Apache-2.0
//
// EAL, ports and NicSource on what this machine has: DPDK's null device for anyone; as root also veth pairs and lo in
// a network namespace of the test's own, so that nothing of the machine is touched.
#include <arpa/inet.h>
#include <fcntl.h>
#include <gtest/gtest.h>
#include <linux/if_packet.h>
#include <net/if.h>
#include <sched.h>
#include <sys/mman.h>
#include <sys/mount.h>
#include <sys/socket.h>
#include <unistd.h>

#include <algorithm>
#include <cstdlib>
#include <cstring>
#include <functional>
#include <map>
#include <set>

#include <rte_mempool.h>

#include "dataplane/capture/eal.h"
#include "dataplane/capture/nic_source.h"
#include "dataplane/capture/port.h"
// last
#include "dataplane/capture/ethdev.h"

// DPDK's AF_XDP driver loses 80 bytes a port in libxdp; not ours to mend.
extern "C" const char* __lsan_default_suppressions();  // NOLINT: the sanitizer's own name
extern "C" const char* __lsan_default_suppressions() { return "leak:xsk_umem__create\n"; }

namespace rs::capture {
namespace {

std::unique_ptr<Eal> g_eal;
std::string g_no_namespace;  // why not

bool run(const std::string& command) { return std::system((command + " >/dev/null 2>&1").c_str()) == 0; }

class Machine : public testing::Environment {
 public:
  void SetUp() override {
    if (::geteuid() != 0) {
      g_no_namespace = "needs root";
    } else if (::unshare(CLONE_NEWNET | CLONE_NEWNS) != 0) {
      g_no_namespace = std::string("no network namespace: ") + std::strerror(errno);
    } else if (::mount("none", "/", nullptr, MS_REC | MS_PRIVATE, nullptr) != 0 ||
               ::mount("sysfs", "/sys", "sysfs", 0, nullptr) != 0 || !run("ip link set lo up")) {
      g_no_namespace = "could not set up a network namespace";
    }
    config::Config config;
    config.capture.workers = 2;
    config.capture.hugepages = config::Hugepages::kOff;
    config.capture.memory_mib = 384;
    auto eal = Eal::start(config, {});
    ASSERT_TRUE(eal) << eal.error().text;
    g_eal = std::move(*eal);
    const auto again = Eal::start(config, {});
    ASSERT_FALSE(again);
    EXPECT_NE(again.error().text.find("it runs already in this process"), std::string::npos) << again.error().text;
  }
  void TearDown() override { g_eal.reset(); }
};
const auto* const g_machine = testing::AddGlobalTestEnvironment(new Machine);

config::Config watching(const std::string& port, uint32_t workers) {
  config::Config config;
  config.capture.ports = {port};
  config.capture.workers = workers;
  config.capture.hugepages = config::Hugepages::kOff;
  return config;
}

Result<std::unique_ptr<Ports>> open(const config::Config& config) {
  auto plans = plan_ports(config);
  if (!plans) return plans.error();
  return Ports::open(config, *plans);
}

std::string refusal(const std::string& port) {
  const auto ports = open(watching(port, 1));
  return ports ? "opened" : ports.error().text;
}

// Polls until `done` or a quarter of a second of silence.
void poll(NicSource& source, const std::function<void(const Frame&)>& on_frame) {
  Burst burst;
  TimeNs silent_since = 0;
  for (;;) {
    ASSERT_TRUE(source.receive(burst));
    for (uint32_t i = 0; i < burst.count; ++i) on_frame(burst.frames[i]);
    if (burst.count != 0 || silent_since == 0) silent_since = burst.now;
    source.release(burst);
    if (burst.now - silent_since > kSecond / 4) return;
  }
}

// A veth pair: frames sent into "feed" arrive on "mirror".
class Veth : public testing::Test {
 protected:
  void SetUp() override {
    if (!g_no_namespace.empty()) GTEST_SKIP() << g_no_namespace;
    ASSERT_TRUE(run("ip link add mirror mtu 9000 type veth peer name feed mtu 9000")) << "ip link add failed";
    // No IPv6: its router solicitations would mix with the frames of the test.
    run("sysctl -w net.ipv6.conf.mirror.disable_ipv6=1 net.ipv6.conf.feed.disable_ipv6=1");
    ASSERT_TRUE(run("ip link set mirror up") && run("ip link set feed up"));
    bool carrier = false;  // the kernel reports it a moment later
    for (int i = 0; i < 300 && !carrier; ++i) {
      const auto mirror = examine_interface("mirror");
      carrier = mirror && mirror->carrier;
      if (!carrier) ::usleep(10'000);
    }
    ASSERT_TRUE(carrier);
    fd_ = ::socket(AF_PACKET, SOCK_RAW | SOCK_CLOEXEC, 0);
    ASSERT_GE(fd_, 0);
    to_.sll_family = AF_PACKET;
    to_.sll_ifindex = static_cast<int>(::if_nametoindex("feed"));
    to_.sll_halen = 6;
  }
  void TearDown() override {
    if (fd_ >= 0) ::close(fd_);
    run("ip link del mirror");
  }
  void send(const std::string& frame) {
    const ssize_t n = ::sendto(fd_, frame.data(), frame.size(), 0, reinterpret_cast<sockaddr*>(&to_), sizeof to_);
    ASSERT_EQ(n, static_cast<ssize_t>(frame.size())) << std::strerror(errno);
  }

  int fd_ = -1;
  sockaddr_ll to_{};
};

const std::string kMacs("\x02\0\0\0\0\x01\x02\0\0\0\0\x02", 12);

std::string be16(uint16_t v) { return {static_cast<char>(v >> 8), static_cast<char>(v)}; }

// IPv4 and TCP headers enough for the kernel's flow dissector.
std::string tcp4(uint32_t from, uint32_t to, uint16_t from_port, uint16_t to_port, size_t payload = 0) {
  std::string ip("\x45\0\0\0\0\0\x40\0\x40\x06\0\0", 12);
  const std::string size = be16(static_cast<uint16_t>(40 + payload));
  ip.replace(2, 2, size);
  for (const uint32_t a : {from, to}) ip += be16(static_cast<uint16_t>(a >> 16)) + be16(static_cast<uint16_t>(a));
  std::string tcp = be16(from_port) + be16(to_port) + std::string("\0\0\0\1\0\0\0\1\x50\x10\x20\0\0\0\0\0", 16);
  return ip + tcp + std::string(payload, 'x');
}
std::string ethernet(const std::string& payload, const std::string& tags = "") {
  return kMacs + tags + be16(0x0800) + payload;
}

// The first news within three seconds.
std::string news_of(NicSource& source) {
  for (int i = 0; i < 300; ++i) {
    const auto news = source.refresh();
    if (!news.empty()) return news.size() == 1 ? news[0] : "more than one";
    ::usleep(10'000);
  }
  return "none";
}

std::string text(const Frame& f) { return {reinterpret_cast<const char*>(f.data), f.captured_bytes}; }

TEST(Refusals, SayWhatToDo) {
  EXPECT_NE(refusal("nosuch0").find("nosuch0: no such network interface"), std::string::npos);
  EXPECT_NE(refusal("ffff:3b:00.0").find("no such PCI device"), std::string::npos);
  const std::string vdev = refusal("net_nosuch0");
  EXPECT_NE(vdev.find("net_nosuch0: DPDK could not create this device"), std::string::npos) << vdev;
  if (!g_no_namespace.empty()) GTEST_SKIP() << g_no_namespace;
  ASSERT_TRUE(run("ip link add downy type veth peer name downy2"));
  EXPECT_NE(refusal("downy").find("downy: the interface is down; bring it up first: ip link set dev downy up"),
            std::string::npos);
  run("ip link del downy");
}

TEST(Null, TwoWorkersReceiveAndGiveBack) {
  auto ports = open(watching("net_null0,size=64,copy=0", 2));
  ASSERT_TRUE(ports) << ports.error().text;
  ASSERT_EQ((*ports)->all().size(), 1u);
  const Port& port = *(*ports)->all()[0];
  EXPECT_EQ(port.queues, 2);
  rte_eth_dev_info info{};
  ASSERT_EQ(rte_eth_dev_info_get(port.id, &info), 0);
  EXPECT_EQ(info.nb_tx_queues, 0) << "a passive sensor has no send queue";
  for (uint32_t worker = 0; worker < 2; ++worker) {
    NicSource source(**ports, worker);
    Burst burst;
    TimeNs last = 0;
    for (int i = 0; i < 1000; ++i) {
      ASSERT_TRUE(source.receive(burst));
      ASSERT_EQ(burst.count, kBurst);
      EXPECT_EQ(burst.frames[0].captured_bytes, 64u);
      EXPECT_EQ(burst.frames[0].time, burst.now);
      EXPECT_GE(burst.now, last);
      last = burst.now;
      if (i == 500) source.refresh();
      source.release(burst);
      EXPECT_EQ(burst.count, 0u);
    }
    EXPECT_EQ(source.counts().rx_pkts, 32000u);
    EXPECT_EQ(source.counts().rx_bytes, 32000u * 64);
    EXPECT_EQ(source.counts().missed_pkts, 0u);
    EXPECT_EQ(rte_mempool_in_use_count(port.pools[worker]), 0u) << "buffers leaked";
    source.stop();
    EXPECT_FALSE(source.receive(burst));
  }
}

TEST(Memory, IsZeroAlignedAndLazy) {
  auto memory = alloc_zeroed(size_t{1} << 34, 0);  // 16 GiB: more than is there, untouched it costs nothing
  ASSERT_TRUE(memory) << memory.error().text;
  const auto bytes = memory->bytes();
  EXPECT_EQ(reinterpret_cast<uintptr_t>(bytes.data()) % 64, 0u);
  EXPECT_FALSE(memory->hugepages());
  EXPECT_EQ(bytes[0], std::byte{0});
  EXPECT_EQ(bytes[bytes.size() - 1], std::byte{0});
  EXPECT_FALSE(alloc_zeroed(SIZE_MAX / 2, -1));
}

TEST(Memory, IsClearedAheadAndStaysZero) {
  constexpr size_t kPage = 4096, kPages = 1024;
  auto memory = map_zeroed(kPages * kPage, -1);
  ASSERT_TRUE(memory) << memory.error().text;
  const auto bytes = memory->bytes();
  bytes[100 * kPage] = std::byte{7};
  clear_now(bytes.subspan(99 * kPage + 50, 900 * kPage));
  std::vector<unsigned char> resident(kPages);
  ASSERT_EQ(::mincore(bytes.data(), bytes.size(), resident.data()), 0);
  for (size_t page = 99; page < 1000; ++page) EXPECT_EQ(resident[page] & 1, 1) << page;
  EXPECT_EQ(bytes[100 * kPage], std::byte{7});
  EXPECT_EQ(std::ranges::count(bytes, std::byte{0}), static_cast<ptrdiff_t>(bytes.size()) - 1);
}

TEST_F(Veth, FramesArriveWholeWithTheirVlanTags) {
  auto ports = open(watching("mirror", 1));
  ASSERT_TRUE(ports) << ports.error().text;
  EXPECT_EQ((*ports)->all()[0]->driver, "net_af_packet");
  NicSource source(**ports, 0);
  const std::string plain = ethernet(tcp4(1, 2, 3, 4, 20));
  const std::string vlan = ethernet(tcp4(1, 2, 3, 4, 20), be16(0x8100) + be16(0x2064));
  const std::string qinq = ethernet(tcp4(1, 2, 3, 4, 20), be16(0x8100) + be16(100) + be16(0x8100) + be16(200));
  const std::string provider = ethernet(tcp4(1, 2, 3, 4, 20), be16(0x88a8) + be16(100) + be16(0x8100) + be16(200));
  const std::string jumbo = ethernet(tcp4(1, 2, 3, 4, 8900), be16(0x8100) + be16(7));
  for (const std::string& f : {plain, vlan, qinq, provider, jumbo}) send(f);
  std::vector<std::string> seen;
  poll(source, [&](const Frame& f) {
    seen.push_back(text(f));
    EXPECT_EQ(f.wire_bytes, f.captured_bytes);
  });
  ASSERT_EQ(seen.size(), 5u);
  EXPECT_EQ(seen[0], plain);
  EXPECT_EQ(seen[1], vlan);
  EXPECT_EQ(seen[2], qinq);
  // DPDK's driver puts the outer tag back as 0x8100, whatever it was: same tags, same depth.
  std::string outer_8100 = provider;
  outer_8100.replace(12, 2, be16(0x8100));
  EXPECT_EQ(seen[3], outer_8100);
  EXPECT_EQ(seen[4], jumbo);
  EXPECT_EQ(source.counts().truncated_pkts, 0u);
}

TEST_F(Veth, BothDirectionsMeetOnOneWorker) {
  auto ports = open(watching("mirror", 2));
  ASSERT_TRUE(ports) << ports.error().text;
  EXPECT_EQ((*ports)->parted(), "");
  EXPECT_NE((*ports)->all()[0]->spread.why.find("fanout hash"), std::string::npos);
  rte_eth_dev_info info{};
  ASSERT_EQ(rte_eth_dev_info_get((*ports)->all()[0]->id, &info), 0);
  EXPECT_EQ(info.nb_rx_queues, 2);
  EXPECT_EQ(info.nb_tx_queues, 0);
  NicSource source0(**ports, 0);
  NicSource source1(**ports, 1);
  for (uint16_t i = 0; i < 300; ++i) {
    const std::string tag = i % 3 == 0 ? be16(0x8100) + be16(5) : "";
    const auto port = static_cast<uint16_t>(20000 + i * 7);
    send(ethernet(tcp4(0x0a000001, 0x0a000102, port, 443), tag));
    send(ethernet(tcp4(0x0a000102, 0x0a000001, 443, port), tag));
  }
  std::map<uint16_t, std::set<int>> workers_of;
  size_t frames = 0;
  const auto note = [&](int worker) {
    return [&, worker](const Frame& f) {
      const std::string data = text(f);
      const size_t at = data.size() - 20;
      const auto word = [&](size_t i) {
        return static_cast<uint16_t>(static_cast<uint8_t>(data[i]) << 8 | static_cast<uint8_t>(data[i + 1]));
      };
      workers_of[static_cast<uint16_t>(word(at) + word(at + 2))].insert(worker);
      ++frames;
    };
  };
  poll(source0, note(0));
  poll(source1, note(1));
  EXPECT_EQ(frames, 600u);
  ASSERT_EQ(workers_of.size(), 300u);
  size_t on_first = 0;
  for (const auto& [port, workers] : workers_of) {
    EXPECT_EQ(workers.size(), 1u) << port;
    on_first += workers.contains(0) ? 1 : 0;
  }
  EXPECT_GT(on_first, 75u);  // half of 300 within reason
  EXPECT_LT(on_first, 225u);
}

TEST_F(Veth, DropsOfAFullRingAreCounted) {
  ASSERT_TRUE(run("ip link set mirror mtu 1500") && run("ip link set feed mtu 1500"));
  auto ports = open(watching("mirror", 1));
  ASSERT_TRUE(ports) << ports.error().text;
  ASSERT_EQ((*ports)->all()[0]->sockets.size(), 1u);
  NicSource source(**ports, 0);
  constexpr uint64_t kSent = 12000;  // the ring holds 8192
  const std::string frame = ethernet(tcp4(1, 2, 3, 4));
  for (uint64_t i = 0; i < kSent; ++i) send(frame);
  poll(source, [](const Frame&) {});
  source.refresh();
  const SourceCounts counts = source.counts();
  EXPECT_GT(counts.missed_pkts, 0u);
  EXPECT_EQ(counts.rx_pkts + counts.missed_pkts, kSent);
}

TEST_F(Veth, APortThatVanishesIsToldAndDoesNotCrash) {
  auto ports = open(watching("mirror", 1));
  ASSERT_TRUE(ports) << ports.error().text;
  NicSource source(**ports, 0);
  send(ethernet(tcp4(1, 2, 3, 4)));
  size_t frames = 0;
  poll(source, [&](const Frame&) { ++frames; });
  EXPECT_EQ(frames, 1u);
  EXPECT_TRUE(source.refresh().empty());
  ASSERT_TRUE(run("ip link set feed down"));
  EXPECT_EQ(news_of(source), "mirror: link is down; nothing is received until it is back");
  ASSERT_TRUE(run("ip link set feed up"));
  EXPECT_EQ(news_of(source), "mirror: link is up");
  send(ethernet(tcp4(1, 2, 3, 4)));
  poll(source, [&](const Frame&) { ++frames; });
  EXPECT_EQ(frames, 2u);
  ASSERT_TRUE(run("ip link del mirror"));
  poll(source, [](const Frame&) {});
  EXPECT_TRUE(news_of(source).starts_with("mirror: the port is gone"));
  poll(source, [](const Frame&) {});
}

TEST_F(Veth, AfXdpReceivesWhenAskedFor) {
  ASSERT_TRUE(run("ip link set mirror mtu 1500") && run("ip link set feed mtu 1500"));
  config::Config config = watching("mirror", 1);
  config.capture.driver = config::Driver::kAfXdp;
  auto ports = open(config);
  if (!ports) GTEST_SKIP() << "this kernel has no AF_XDP for us: " << ports.error().text;
  EXPECT_EQ((*ports)->all()[0]->driver, "net_af_xdp");
  NicSource source(**ports, 0);
  const std::string plain = ethernet(tcp4(1, 2, 3, 4, 20));
  const std::string vlan = ethernet(tcp4(1, 2, 3, 4, 1400), be16(0x8100) + be16(100));
  send(plain);
  send(vlan);
  std::vector<std::string> seen;
  poll(source, [&](const Frame& f) { seen.push_back(text(f)); });
  ASSERT_EQ(seen.size(), 2u);
  EXPECT_EQ(seen[0], plain);
  EXPECT_EQ(seen[1], vlan);
}

TEST(Loopback, LargeFramesAreCutAndCountedOnce) {
  if (!g_no_namespace.empty()) GTEST_SKIP() << g_no_namespace;
  auto ports = open(watching("lo", 1));
  ASSERT_TRUE(ports) << ports.error().text;
  NicSource source(**ports, 0);
  const int fd = ::socket(AF_INET, SOCK_DGRAM | SOCK_CLOEXEC, 0);
  sockaddr_in to{};
  to.sin_family = AF_INET;
  to.sin_port = htons(9);
  to.sin_addr.s_addr = htonl(INADDR_LOOPBACK);
  const std::string large(30000, 'x');
  ASSERT_EQ(::sendto(fd, large.data(), large.size(), 0, reinterpret_cast<sockaddr*>(&to), sizeof to), 30000);
  ASSERT_EQ(::sendto(fd, large.data(), 100, 0, reinterpret_cast<sockaddr*>(&to), sizeof to), 100);
  ::close(fd);
  std::vector<std::pair<uint32_t, uint32_t>> udp;
  poll(source, [&](const Frame& f) {
    if (f.captured_bytes > 23 && f.data[23] == 17) udp.emplace_back(f.captured_bytes, f.wire_bytes);
  });
  ASSERT_EQ(udp.size(), 2u) << "what lo sends and receives is one packet";
  EXPECT_EQ(udp[0].first, 16384u - 66);
  EXPECT_GT(udp[0].second, udp[0].first);
  EXPECT_EQ(udp[1], (std::pair<uint32_t, uint32_t>(142, 142)));
  EXPECT_GE(source.counts().truncated_pkts, 1u);
}

}  // namespace
}  // namespace rs::capture
