// SPDX-License-Identifier: Apache-2.0
#include "control/ingest/ack.h"

#include "proto/event_generated.h"

namespace rs::ingest {

std::string encode_ack(const Ack& ack) {
  namespace fb = resetscope::event;
  flatbuffers::FlatBufferBuilder builder(128);
  const auto text = ack.text.empty() ? flatbuffers::Offset<flatbuffers::String>() : builder.CreateString(ack.text);
  fb::AckBuilder out(builder);
  out.add_boot(ack.boot);
  out.add_sequence(ack.sequence);
  out.add_code(static_cast<fb::AckCode>(ack.code));
  if (!text.IsNull()) out.add_text(text);
  builder.Finish(out.Finish());
  return {reinterpret_cast<const char*>(builder.GetBufferPointer()), builder.GetSize()};
}

}  // namespace rs::ingest
