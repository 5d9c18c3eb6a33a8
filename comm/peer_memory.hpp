#pragma once

#include "kernels/runtime/peer_kernels.hpp"

#include <cstddef>
#include <cstdint>
#include <string_view>

namespace moe {

/// How far memory reaches beyond its rank. library: the library's collectives know it on all ranks
/// (an NCCL window). load_store: it is mapped on every rank, whose own loads and stores reach it.
enum class Reach : std::uint8_t { library, load_store };
[[nodiscard]] std::string_view to_string(Reach reach);

/// One block of memory on each rank of a communicator. Made by all ranks in the same order, and
/// freed by all alike; while an exception unwinds it is left to the end of the process, since other
/// ranks may not be there to free it with.
class PeerMemory {
public:
    virtual ~PeerMemory() = default;
    /// This rank's block, 64-byte aligned and filled with zeros.
    [[nodiscard]] virtual std::byte* data() const = 0;
    [[nodiscard]] virtual std::size_t bytes() const = 0;
    /// Every rank's block as it is mapped here, and the flags that ranks wait by; no blocks where
    /// only the library reaches them.
    [[nodiscard]] virtual PeerTable table() const { return {}; }
};

}  // namespace moe
