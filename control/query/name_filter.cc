// SPDX-License-Identifier: Apache-2.0
#include "control/query/name_filter.h"

#include <algorithm>
#include <array>
#include <map>
#include <optional>
#include <set>
#include <tuple>
#include <utility>

namespace rs::query {
namespace {

using model::Field;
using model::Filter;
using model::Ip;
using model::NameEntry;
using model::Prefix;
using model::Value;

std::string_view site_of(const NameEntry& entry) { return entry.site; }
std::string_view service_of(const NameEntry& entry) { return entry.service; }
std::string_view owner_of(const NameEntry& entry) { return entry.owner; }
std::string_view role_of(const NameEntry& entry) {
  constexpr std::array<std::string_view, 4> kRoles = {"", "client", "server", "proxy"};
  return kRoles[static_cast<size_t>(entry.role)];
}

constexpr auto kFields = std::to_array<NameField>({
    {"site", false, site_of, "the server's, from the names file"},
    {"service", false, service_of, "the server's, from the names file"},
    {"owner", false, owner_of, "the server's, from the names file"},
    {"role", false, role_of, "the server's, from the names file: client, server or proxy"},
    {"client_site", true, site_of, "the client's, from the names file"},
    {"client_service", true, service_of, "the client's, from the names file"},
    {"client_owner", true, owner_of, "the client's, from the names file"},
    {"client_role", true, role_of, "the client's, from the names file"},
});

// Which ports of an address are wanted: `base` for all but the ones listed, which are the other way.
struct Ports {
  bool base = false;
  std::set<uint16_t> others;

  void set(uint16_t port, bool wanted) {
    if (wanted == base)
      others.erase(port);
    else
      others.insert(port);
  }
  bool operator==(const Ports&) const = default;
  bool operator<(const Ports& other) const { return std::tie(base, others) < std::tie(other.base, other.others); }
  [[nodiscard]] bool none() const { return !base && others.empty(); }
};

// What the entries of one network say of the field.
struct Said {
  std::map<uint16_t, bool> ports;  // port -> wanted
  std::optional<bool> rest;        // all other ports; empty: as in the network around
};

// A network in which other ports are wanted than around it, and the next such ones within it.
struct Region {
  std::optional<Prefix> network;  // none: all addresses
  Ports ports;
  std::vector<Value> holes;
};

using Place = std::pair<uint8_t, Ip>;  // bits, first address: wider networks first

class Regions {
 public:
  Regions(const std::map<Place, Said>& said, bool nameless) {
    regions_.push_back({std::nullopt, {nameless, {}}, {}});
    std::set<uint8_t, std::greater<>> lengths;
    std::map<Place, size_t> where;  // of every network, the region its addresses belong to
    for (const auto& [place, here] : said) {
      const size_t around = region_around(place, lengths, where);
      lengths.insert(place.first);
      Ports ports = here.rest ? Ports{*here.rest, {}} : regions_[around].ports;
      for (const auto& [port, wanted] : here.ports) ports.set(port, wanted);
      if (ports == regions_[around].ports) {
        where[place] = around;
        continue;
      }
      const Prefix network{place.second, place.first};
      regions_[around].holes.emplace_back(network);
      where[place] = regions_.size();
      regions_.push_back({network, std::move(ports), {}});
    }
  }

  [[nodiscard]] Filter filter(bool client) const {
    const Field address = client ? Field::kClientIp : Field::kServerIp;
    const Field port = client ? Field::kClientPort : Field::kServerPort;
    std::map<Ports, std::vector<Value>> whole;  // networks without holes, by the ports wanted of them
    std::vector<Filter> parts;
    for (const Region& region : regions_) {
      if (region.ports.none()) continue;
      if (region.network && region.holes.empty()) {
        whole[region.ports].emplace_back(*region.network);
        continue;
      }
      std::vector<Filter> all;
      if (region.network) all.push_back(model::test(address, model::Op::kEq, *region.network));
      if (!region.holes.empty()) all.push_back(model::negate(model::test_in(address, region.holes)));
      parts.push_back(with_ports(std::move(all), port, region.ports));
    }
    for (auto& [ports, networks] : whole)
      parts.push_back(with_ports({model::test_in(address, std::move(networks))}, port, ports));
    // Not one address has it: every entry that gives it is hidden by more specific ones.
    return parts.empty() ? model::negate(Filter{}) : model::any_of(std::move(parts));
  }

 private:
  // As Names::find walks: IPv6 networks wider than the part that IPv4 lives in hold no IPv4.
  size_t region_around(const Place& place, const std::set<uint8_t, std::greater<>>& lengths,
                       const std::map<Place, size_t>& where) const {
    const bool v4 = model::is_v4(Prefix{place.second, place.first});
    for (const uint8_t bits : lengths) {
      if (bits >= place.first) continue;
      if (v4 && bits < model::kMappedBits) break;
      const auto found = where.find({bits, model::first_of({place.second, bits})});
      if (found != where.end()) return found->second;
    }
    return 0;
  }

  static Filter with_ports(std::vector<Filter> all, Field port, const Ports& ports) {
    if (!ports.others.empty()) {
      std::vector<Value> listed;
      for (const uint16_t one : ports.others) listed.emplace_back(uint64_t{one});
      Filter in = model::test_in(port, std::move(listed));
      all.push_back(ports.base ? model::negate(std::move(in)) : std::move(in));
    }
    return model::all_of(std::move(all));
  }

  std::vector<Region> regions_;
};

}  // namespace

std::span<const NameField> name_fields() { return kFields; }

std::vector<std::string_view> known_values(const NameField& field, const model::Names& names) {
  std::set<std::string_view> known;
  for (const NameEntry& entry : names.entries())
    if (!field.value(entry).empty()) known.insert(field.value(entry));
  return {known.begin(), known.end()};
}

Filter name_test(const NameField& field, std::span<const std::string> values, const model::Names& names) {
  const auto wanted = [&](std::string_view value) { return std::ranges::find(values, value) != values.end(); };
  std::map<Place, Said> said;
  for (const NameEntry& entry : names.entries()) {
    const std::string_view value = field.value(entry);
    if (value.empty()) continue;
    Said& here = said[{entry.network.bits, entry.network.ip}];
    // Of two entries for the same, find() takes the later with a port, the earlier without.
    if (entry.port != 0)
      here.ports[entry.port] = wanted(value);
    else if (!here.rest)
      here.rest = wanted(value);
  }
  return Regions(said, wanted("")).filter(field.client);
}

}  // namespace rs::query
