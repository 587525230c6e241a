// SPDX-License-Identifier: Apache-2.0
//
// Stands in for resetscope-control in the tests of `analyze`: --listen ADDRESS, --ready-fd N; serves until killed.
#include <unistd.h>

#include <cstdlib>
#include <cstring>

#include "control/cli/fake_server.h"

int main(int argc, char** argv) {
  std::string address;
  int ready = -1;
  for (int i = 1; i + 1 < argc; ++i) {
    if (std::strcmp(argv[i], "--listen") == 0) address = argv[i + 1];
    if (std::strcmp(argv[i], "--ready-fd") == 0) ready = std::atoi(argv[i + 1]);
  }
  rs::cli::FakeService service;
  for (uint64_t i = 0; i < 3; ++i) service.events.push_back(rs::cli::sample_event(i));
  const auto server = rs::cli::serve(service, address);
  if (server == nullptr || write(ready, "ready\n", 6) != 6) return 1;
  server->Wait();
  return 0;
}
