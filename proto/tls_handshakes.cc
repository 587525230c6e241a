// SPDX-License-Identifier: Apache-2.0
#include "proto/tls_handshakes.h"

#include <openssl/err.h>
#include <openssl/pem.h>
#include <openssl/ssl.h>
#include <openssl/x509v3.h>

#include <ctime>

namespace rs::tls {
namespace {

constexpr uint64_t kOptions = SSL_OP_NO_TICKET | SSL_OP_NO_RENEGOTIATION | SSL_OP_CIPHER_SERVER_PREFERENCE;

// Where a connection keeps the first thing that was wrong with its peer's certificate, an X509_V_ERR_ number.
int fault_index() {
  static const int index = SSL_get_ex_new_index(0, nullptr, nullptr, nullptr, nullptr);
  return index;
}

// Called for each certificate of the peer's chain, and for each fault.
int note_fault(int good, X509_STORE_CTX* chain) {
  if (good == 1) return 1;
  auto* connection = static_cast<SSL*>(X509_STORE_CTX_get_ex_data(chain, SSL_get_ex_data_X509_STORE_CTX_idx()));
  if (SSL_get_ex_data(connection, fault_index()) != nullptr) return 1;
  const auto fault = static_cast<intptr_t>(X509_STORE_CTX_get_error(chain));
  if (fault == X509_V_ERR_UNABLE_TO_GET_CRL) {  // that CA has taken nothing back yet, as gRPC sees it
    X509_STORE_CTX_set_error(chain, X509_V_OK);
    return 1;
  }
  // Where the fault cannot be noted, the handshake must not go on as if there were none.
  return SSL_set_ex_data(connection, fault_index(), reinterpret_cast<void*>(fault));
}

std::string pem_of(X509* certificate) {
  BIO* bio = BIO_new(BIO_s_mem());
  std::string text;
  if (bio != nullptr && PEM_write_bio_X509(bio, certificate) == 1) {
    char* data = nullptr;
    const long size = BIO_get_mem_data(bio, &data);
    if (size > 0) text.assign(data, static_cast<size_t>(size));
  }
  BIO_free_all(bio);
  return text;
}

std::string fault_text(long fault, const Certificate& certificate) {
  switch (fault) {
    case X509_V_ERR_CERT_HAS_EXPIRED:
      return "it expired at " + date_of(certificate.not_after);
    case X509_V_ERR_CERT_REVOKED:
      return "the CA has taken it back";
    case X509_V_ERR_CERT_NOT_YET_VALID:
      return "it is valid only from " + date_of(certificate.not_before);
    case X509_V_ERR_UNABLE_TO_GET_ISSUER_CERT_LOCALLY:
    case X509_V_ERR_SELF_SIGNED_CERT_IN_CHAIN:
    case X509_V_ERR_DEPTH_ZERO_SELF_SIGNED_CERT:
    case X509_V_ERR_UNABLE_TO_VERIFY_LEAF_SIGNATURE:
    case X509_V_ERR_CERT_SIGNATURE_FAILURE:
      return "it is not signed by the CA that the control plane trusts";
    default:
      return X509_verify_cert_error_string(fault);
  }
}

}  // namespace

Shown shown_by(const ssl_st* connection) {
  Shown shown;
  X509* certificate = connection == nullptr ? nullptr : SSL_get0_peer_certificate(connection);
  if (certificate == nullptr) return shown;
  shown.any = true;
  auto parsed = parse_certificate(pem_of(certificate));
  if (!parsed) {
    shown.fault = parsed.error().text;
    return shown;
  }
  shown.certificate = std::move(*parsed);
  long fault = static_cast<long>(reinterpret_cast<intptr_t>(SSL_get_ex_data(connection, fault_index())));
  if (fault == X509_V_OK) fault = SSL_get_verify_result(connection);
  if (fault != X509_V_OK) shown.fault = fault_text(fault, shown.certificate);
  return shown;
}

bool is_good(const Shown& shown, int64_t now) {
  return shown.any && shown.fault.empty() && now <= shown.certificate.not_after;
}

void Handshakes::Freed::operator()(ssl_ctx_st* context) const { SSL_CTX_free(context); }

Handshakes::~Handshakes() = default;

// Lists of certificates taken back, as for gRPC: a newer one is found at the next handshake.
bool Handshakes::look_into(const std::string& crl_dir, ssl_ctx_st& context) {
  if (crl_dir.empty()) return true;
  X509_STORE* const store = SSL_CTX_get_cert_store(&context);
  X509_LOOKUP* const lookup = X509_STORE_add_lookup(store, X509_LOOKUP_hash_dir());
  return lookup != nullptr && X509_LOOKUP_add_dir(lookup, crl_dir.c_str(), X509_FILETYPE_PEM) == 1 &&
         X509_STORE_set_flags(store, X509_V_FLAG_CRL_CHECK | X509_V_FLAG_CRL_CHECK_ALL) == 1;
}

Result<std::unique_ptr<Handshakes>> Handshakes::make(Files files, Complain complain) {
  std::unique_ptr<Handshakes> made(new Handshakes(std::move(files), std::move(complain)));
  made->stamps_ = made->stamps();
  made->looked_ = std::chrono::steady_clock::now();
  auto context = read(made->files_);
  if (!context) return context.error();
  made->context_ = std::move(*context);
  return made;
}

Result<Handshakes::Context> Handshakes::read(const Files& files) {
  if (files.ca.empty() || files.cert.empty())
    return Error{Code::kInvalid, "a server with TLS needs tls ca, tls cert and tls key"};
  if (auto good = check(files, static_cast<int64_t>(std::time(nullptr))); !good) return good.error();
  Context context(SSL_CTX_new(TLS_server_method()));
  STACK_OF(X509_NAME)* const authorities = SSL_load_client_CA_file(files.ca.c_str());
  const bool done = context != nullptr && authorities != nullptr &&
                    SSL_CTX_use_certificate_chain_file(context.get(), files.cert.c_str()) == 1 &&
                    SSL_CTX_use_PrivateKey_file(context.get(), files.key.c_str(), SSL_FILETYPE_PEM) == 1 &&
                    SSL_CTX_check_private_key(context.get()) == 1 &&
                    SSL_CTX_load_verify_file(context.get(), files.ca.c_str()) == 1 &&
                    look_into(files.crl_dir, *context);
  if (done)
    SSL_CTX_set_client_CA_list(context.get(), authorities);  // takes it over
  else
    sk_X509_NAME_pop_free(authorities, X509_NAME_free);
  ERR_clear_error();
  if (!done)
    return Error{Code::kInvalid, files.cert + ", " + files.key + ", " + files.ca + ": OpenSSL does not take them"};
  return context;
}

std::vector<FileStamp> Handshakes::stamps() const {
  return {stamp_of(files_.ca), stamp_of(files_.cert), stamp_of(files_.key)};
}

Handshakes::Context Handshakes::current() {
  const std::lock_guard lock(mutex_);
  const auto now = std::chrono::steady_clock::now();
  if (now - looked_ >= std::chrono::seconds(kReloadSeconds)) {
    looked_ = now;
    if (auto fresh = stamps(); fresh != stamps_) {
      stamps_ = std::move(fresh);
      if (auto context = read(files_))
        context_ = std::move(*context);
      else
        complain_(context.error().text + "; the certificates before it stay");
    }
  }
  SSL_CTX_up_ref(context_.get());
  return Context(context_.get());
}

int Handshakes::choose(ssl_st* connection, int* /*alert*/, void* self) {
  const Context context = static_cast<Handshakes*>(self)->current();
  const bool set = SSL_set_SSL_CTX(connection, context.get()) == context.get();
  return set ? SSL_CLIENT_HELLO_SUCCESS : SSL_CLIENT_HELLO_ERROR;
}

void Handshakes::serve(ssl_ctx_st& context) {
  SSL_CTX_set_min_proto_version(&context, TLS1_2_VERSION);  // RFC 8996: older ones are not to be used
  SSL_CTX_set_options(&context, kOptions);
  // No resumption: a certificate that is taken back is out from the next connection on.
  SSL_CTX_set_session_cache_mode(&context, SSL_SESS_CACHE_OFF);
  SSL_CTX_set_num_tickets(&context, 0);
  SSL_CTX_set_verify(&context, SSL_VERIFY_PEER, note_fault);
  SSL_CTX_set_client_hello_cb(&context, choose, this);
}

}  // namespace rs::tls
