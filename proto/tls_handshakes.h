// SPDX-License-Identifier: Apache-2.0
//
// Mutual TLS for a listener that is not gRPC's, such as a web server: certificates that are read again whenever they
// change, and what the other end showed. A peer whose certificate is missing or bad is let through the handshake, so
// that it can be told why it may not go on: whoever serves must ask shown_by() before it answers. Any thread.
#pragma once

#include <chrono>
#include <cstdint>
#include <functional>
#include <memory>
#include <mutex>
#include <string>
#include <vector>

#include "proto/file_stamp.h"
#include "proto/result.h"
#include "proto/tls.h"

struct ssl_st;      // OpenSSL's SSL
struct ssl_ctx_st;  // OpenSSL's SSL_CTX

namespace rs::tls {

struct Shown {
  bool any = false;
  std::string fault;        // why it proves nothing: expired, of another CA ...; empty: it is good
  Certificate certificate;  // as far as it could be read
};
// What the client of an established connection showed. Null: nothing.
Shown shown_by(const ssl_st* connection);
// Whether it is still good at `now` (Unix time): a connection can outlive its certificate.
bool is_good(const Shown& shown, int64_t now);

class Handshakes {
 public:
  using Complain = std::function<void(const std::string&)>;
  // All three files are needed. `complain` hears why files that have changed were not taken; the ones before stay.
  static Result<std::unique_ptr<Handshakes>> make(Files files, Complain complain);
  ~Handshakes();
  Handshakes(const Handshakes&) = delete;
  Handshakes& operator=(const Handshakes&) = delete;

  // Makes every handshake of connections of `context` use the newest files. This must outlive it.
  void serve(ssl_ctx_st& context);

 private:
  struct Freed {
    void operator()(ssl_ctx_st* context) const;
  };
  using Context = std::unique_ptr<ssl_ctx_st, Freed>;

  explicit Handshakes(Files files, Complain complain) : files_(std::move(files)), complain_(std::move(complain)) {}
  static int choose(ssl_st* connection, int* alert, void* self);
  static Result<Context> read(const Files& files);
  static bool look_into(const std::string& crl_dir, ssl_ctx_st& context);
  [[nodiscard]] std::vector<FileStamp> stamps() const;
  Context current();

  const Files files_;
  const Complain complain_;
  std::mutex mutex_;  // all below
  Context context_;
  std::vector<FileStamp> stamps_;
  std::chrono::steady_clock::time_point looked_;
};

}  // namespace rs::tls
