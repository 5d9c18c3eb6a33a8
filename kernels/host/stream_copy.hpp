#pragma once

#include <cstddef>

namespace moe {

/// Copies to memory that another core reads next, past this core's caches where the processor can:
/// an ordinary store first takes the line from the core that read it last. What is written is seen
/// by whoever sees a later release store.
void stream_copy(const std::byte* from, std::size_t bytes, std::byte* to);

}  // namespace moe
