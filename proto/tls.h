// SPDX-License-Identifier: Apache-2.0
//
// Mutual TLS between the programs: credentials for either end of a gRPC connection, made from PEM files that are read
// again whenever they change, and what a certificate says. It stands in proto/ because all three programs speak it.
// A connection that is up goes on with the certificate it began with.
#pragma once

#include <cstdint>
#include <memory>
#include <string>
#include <vector>

#include "proto/result.h"

namespace grpc {
class ChannelCredentials;
class ServerCredentials;
}  // namespace grpc

namespace rs::tls {

struct Files {
  std::string ca;    // certificates that sign the other end's, PEM
  std::string cert;  // our own chain, PEM
  std::string key;   // its private key, PEM, not encrypted
  // Directory of certificates taken back (RFC 5280 5, PEM), named as `openssl rehash` names them; empty: none are. Only
  // of the end that listens.
  std::string crl_dir{};
  bool operator==(const Files&) const = default;
  [[nodiscard]] bool any() const { return !ca.empty() || !cert.empty() || !key.empty(); }
};

struct Certificate {
  std::string name;                // subject's common name
  std::vector<std::string> names;  // DNS names and URIs of the subject alternative name
  std::vector<std::string> units;  // subject's organisational units
  int64_t not_before = 0;          // Unix time
  int64_t not_after = 0;
};

// A Unix time as people read it, in UTC.
std::string date_of(int64_t time);

// The first certificate of a PEM text. Names with bytes that are not printable are an error: they are made to deceive.
Result<Certificate> parse_certificate(const std::string& pem);

// Reads and checks the files: present, well-formed, the key fits the certificate, the certificate is valid at `now`
// (Unix time; 0: not checked). Returns our own certificate; empty when only `ca` is given. Errors name the file.
Result<Certificate> check(const Files& files, int64_t now);

// The files are looked at for changes this often; put a new certificate and its key in place by renaming, both within
// this time.
inline constexpr unsigned kReloadSeconds = 2;

// For the end that connects: trusts `ca`, checks that the server's certificate bears the name connected to, shows
// `cert` if there is one. Error: as check().
Result<std::shared_ptr<grpc::ChannelCredentials>> client_credentials(const Files& files);
// For the end that listens: all three files; peers without a certificate of `ca` are turned away in the handshake.
Result<std::shared_ptr<grpc::ServerCredentials>> server_credentials(const Files& files);

}  // namespace rs::tls
