// SPDX-License-Identifier: Apache-2.0
#include "dataplane/attribute/facts.h"

#include "dataplane/attribute/around.h"
#include "dataplane/attribute/gatherer.h"
#include "dataplane/attribute/said.h"

namespace rs::attribute {

void Gatherer::run() {
  shape();
  if (e_.kind == track::EndKind::kRst) {
    image();
    hop_limit();
    ip_id();
    marks();
    sequence();
    trigger();
    afterwards();
  }
  history();
  idle();
}

Facts gather(const track::Ending& ending, const context::Context& context) {
  Facts facts;
  Gatherer(ending, facts).run();
  gather_around(ending, facts);
  gather_said(ending, context, facts);
  return facts;
}

}  // namespace rs::attribute
