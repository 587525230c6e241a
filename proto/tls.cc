// SPDX-License-Identifier: Apache-2.0
#include "proto/tls.h"

#include <grpcpp/security/credentials.h>
#include <grpcpp/security/server_credentials.h>
#include <grpcpp/security/tls_certificate_provider.h>
#include <grpcpp/security/tls_credentials_options.h>
#include <openssl/err.h>
#include <openssl/pem.h>
#include <openssl/x509v3.h>

#include <algorithm>
#include <cerrno>
#include <cstring>
#include <ctime>
#include <filesystem>
#include <fstream>
#include <optional>

namespace rs::tls {
namespace {

using grpc::experimental::FileWatcherCertificateProvider;

constexpr size_t kMaxFileBytes = 4 << 20;  // the whole public web's roots are a quarter of a MiB
constexpr size_t kMaxNames = 256;          // of one certificate

template <class T, void (*Free)(T*)>
struct Freed {
  void operator()(T* p) const { Free(p); }
};
using Bio = std::unique_ptr<BIO, Freed<BIO, BIO_free_all>>;
using X509Ptr = std::unique_ptr<X509, Freed<X509, X509_free>>;
using Key = std::unique_ptr<EVP_PKEY, Freed<EVP_PKEY, EVP_PKEY_free>>;
using Names = std::unique_ptr<GENERAL_NAMES, Freed<GENERAL_NAMES, GENERAL_NAMES_free>>;

Bio bio_of(const std::string& text) {
  return Bio(BIO_new_mem_buf(text.data(), static_cast<int>(std::min(text.size(), kMaxFileBytes))));
}

// A private key with a passphrase cannot be asked for in a service.
int no_passphrase(char*, int, int, void*) { return -1; }

// UTF-8, or nothing when a byte of it would not print.
std::optional<std::string> text_of(const ASN1_STRING* value) {
  unsigned char* bytes = nullptr;
  const int size = ASN1_STRING_to_UTF8(&bytes, value);
  if (size < 0) return std::nullopt;
  std::string text(reinterpret_cast<const char*>(bytes), static_cast<size_t>(size));
  OPENSSL_free(bytes);
  const bool prints = std::ranges::all_of(text, [](char c) {
    const auto byte = static_cast<unsigned char>(c);
    return byte >= 0x20 && byte != 0x7f;
  });
  return prints ? std::optional(text) : std::nullopt;
}

// Every value of one kind in the subject; false: one is not printable.
bool subject_values(const X509* certificate, int nid, std::vector<std::string>& out) {
  const X509_NAME* subject = X509_get_subject_name(certificate);
  for (int at = X509_NAME_get_index_by_NID(subject, nid, -1); at >= 0 && out.size() < kMaxNames;
       at = X509_NAME_get_index_by_NID(subject, nid, at)) {
    const auto text = text_of(X509_NAME_ENTRY_get_data(X509_NAME_get_entry(subject, at)));
    if (!text) return false;
    out.push_back(*text);
  }
  return true;
}

bool alternative_names(const X509* certificate, std::vector<std::string>& out) {
  const Names names(static_cast<GENERAL_NAMES*>(X509_get_ext_d2i(certificate, NID_subject_alt_name, nullptr, nullptr)));
  for (int i = 0; names != nullptr && i < sk_GENERAL_NAME_num(names.get()) && out.size() < kMaxNames; ++i) {
    const GENERAL_NAME* name = sk_GENERAL_NAME_value(names.get(), i);
    if (name->type != GEN_DNS && name->type != GEN_URI) continue;
    const auto text = text_of(name->d.ia5);
    if (!text) return false;
    out.push_back(*text);
  }
  return true;
}

int64_t unix_time(const ASN1_TIME* time) {
  tm parts{};
  return ASN1_TIME_to_tm(time, &parts) == 1 ? static_cast<int64_t>(timegm(&parts)) : 0;
}

Result<std::string> read(const std::string& path, const char* what) {
  std::ifstream in(path, std::ios::binary);
  if (!in)
    return Error{errno == EACCES ? Code::kPermission : Code::kNotFound,
                 path + ": cannot read the " + what + ": " + std::strerror(errno)};
  std::string text(kMaxFileBytes + 1, '\0');
  in.read(text.data(), static_cast<std::streamsize>(text.size()));
  if (in.bad()) return Error{Code::kInvalid, path + ": cannot read the " + what + " (is it a directory?)"};
  text.resize(static_cast<size_t>(in.gcount()));
  if (text.size() > kMaxFileBytes) return Error{Code::kInvalid, path + ": larger than 4 MiB: no " + std::string(what)};
  return text;
}

Result<void> check_pair(const Files& files, Certificate& own, int64_t now) {
  const auto chain = read(files.cert, "certificate");
  if (!chain) return chain.error();
  auto parsed = parse_certificate(*chain);
  if (!parsed) return Error{Code::kInvalid, files.cert + ": " + parsed.error().text};
  own = std::move(*parsed);
  if (now != 0 && now < own.not_before)
    return Error{Code::kInvalid, files.cert + ": the certificate is valid only from " + date_of(own.not_before)};
  if (now != 0 && now > own.not_after)
    return Error{Code::kInvalid, files.cert + ": the certificate expired at " + date_of(own.not_after)};
  const auto secret = read(files.key, "private key");
  if (!secret) return secret.error();
  const Key key(PEM_read_bio_PrivateKey(bio_of(*secret).get(), nullptr, no_passphrase, nullptr));
  const X509Ptr certificate(PEM_read_bio_X509(bio_of(*chain).get(), nullptr, no_passphrase, nullptr));
  ERR_clear_error();
  if (key == nullptr)
    return Error{Code::kInvalid, files.key + ": holds no private key in PEM form (a passphrase is not supported)"};
  const bool fits = X509_check_private_key(certificate.get(), key.get()) == 1;
  ERR_clear_error();
  if (!fits) return Error{Code::kInvalid, files.key + ": is not the private key of " + files.cert};
  return {};
}

std::shared_ptr<FileWatcherCertificateProvider> watcher(const Files& files) {
  if (files.cert.empty()) return std::make_shared<FileWatcherCertificateProvider>(files.ca, kReloadSeconds);
  return std::make_shared<FileWatcherCertificateProvider>(files.key, files.cert, files.ca, kReloadSeconds);
}

int64_t unix_now() { return static_cast<int64_t>(std::time(nullptr)); }

}  // namespace

std::string date_of(int64_t time) {
  const auto seconds = static_cast<time_t>(time);
  tm parts{};
  char text[32] = "";
  gmtime_r(&seconds, &parts);
  strftime(text, sizeof text, "%Y-%m-%dT%H:%M:%SZ", &parts);
  return text;
}

Result<Certificate> parse_certificate(const std::string& pem) {
  const X509Ptr certificate(PEM_read_bio_X509(bio_of(pem).get(), nullptr, no_passphrase, nullptr));
  ERR_clear_error();
  if (certificate == nullptr) return Error{Code::kInvalid, "holds no certificate in PEM form"};
  Certificate out;
  std::vector<std::string> common;
  if (!subject_values(certificate.get(), NID_commonName, common) ||
      !subject_values(certificate.get(), NID_organizationalUnitName, out.units) ||
      !alternative_names(certificate.get(), out.names))
    return Error{Code::kInvalid, "the certificate has a name with bytes that do not print"};
  if (!common.empty()) out.name = common.back();  // the most specific one
  out.not_before = unix_time(X509_get0_notBefore(certificate.get()));
  out.not_after = unix_time(X509_get0_notAfter(certificate.get()));
  return out;
}

Result<Certificate> check(const Files& files, int64_t now) {
  if (files.ca.empty()) return Error{Code::kInvalid, "TLS needs the CA's certificate (tls ca)"};
  if (files.cert.empty() != files.key.empty())
    return Error{Code::kInvalid, "TLS needs a certificate and its key together (tls cert and tls key)"};
  const auto roots = read(files.ca, "CA's certificate");
  if (!roots) return roots.error();
  if (auto root = parse_certificate(*roots); !root) return Error{Code::kInvalid, files.ca + ": " + root.error().text};
  if (std::error_code error; !files.crl_dir.empty() && !std::filesystem::is_directory(files.crl_dir, error))
    return Error{Code::kNotFound, files.crl_dir + ": is no directory of certificates taken back (tls crl_dir)"};
  Certificate own;
  if (files.cert.empty()) return own;
  if (auto pair = check_pair(files, own, now); !pair) return pair.error();
  return own;
}

Result<std::shared_ptr<grpc::ChannelCredentials>> client_credentials(const Files& files) {
  if (auto good = check(files, unix_now()); !good) return good.error();
  grpc::experimental::TlsChannelCredentialsOptions options;
  options.set_certificate_provider(watcher(files));
  options.watch_root_certs();
  if (!files.cert.empty()) options.watch_identity_key_cert_pairs();
  return grpc::experimental::TlsCredentials(options);
}

Result<std::shared_ptr<grpc::ServerCredentials>> server_credentials(const Files& files) {
  if (files.cert.empty()) return Error{Code::kInvalid, "a server with TLS needs tls cert and tls key"};
  if (auto good = check(files, unix_now()); !good) return good.error();
  grpc::experimental::TlsServerCredentialsOptions options(watcher(files));
  options.watch_root_certs();
  options.watch_identity_key_cert_pairs();
  // OpenSSL looks there in each handshake, for lists with numbers it has not read yet.
  if (!files.crl_dir.empty()) options.set_crl_directory(files.crl_dir);
  options.set_cert_request_type(GRPC_SSL_REQUEST_AND_REQUIRE_CLIENT_CERTIFICATE_AND_VERIFY);
  return grpc::experimental::TlsServerCredentials(options);
}

}  // namespace rs::tls
