#pragma once

#include "kernels/runtime/peer_kernels.hpp"

#include <cstddef>
#include <cstdint>
#include <memory>
#include <string_view>
#include <vector>

namespace moe {

/// How far memory reaches beyond its rank. library: the library's collectives know it on all ranks
/// (an NCCL window). load_store: it is mapped on every rank, whose own loads and stores reach it.
enum class Reach : std::uint8_t { library, load_store };
[[nodiscard]] std::string_view to_string(Reach reach);

/// One block of memory on each rank of a communicator. Made by all ranks in the same order, and
/// destroyed by all alike: that is collective. UniquePeerMemory holds it where exceptions come by.
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

class PeerMemoryOwner;

/// Frees peer memory, but not while an exception unwinds: other ranks may not be there to free it
/// with. Its owner keeps it then; without an owner it is left to the end of the process.
class FreePeerMemory {
public:
    FreePeerMemory() = default;
    explicit FreePeerMemory(PeerMemoryOwner& owner) : owner_(&owner) {}
    void operator()(PeerMemory* memory) const noexcept;

private:
    PeerMemoryOwner* owner_{};
};
using UniquePeerMemory = std::unique_ptr<PeerMemory, FreePeerMemory>;

/// Owns the peer memory that one communicator made, so that what an exception unwound is freed by
/// all ranks in one order, whatever the order in which each of them unwound it.
class PeerMemoryOwner {
public:
    PeerMemoryOwner() = default;
    /// Leaves to the end of the process what a failing rank unwound.
    ~PeerMemoryOwner();
    PeerMemoryOwner(const PeerMemoryOwner&) = delete;
    PeerMemoryOwner& operator=(const PeerMemoryOwner&) = delete;

    /// The owner outlives what it returns.
    [[nodiscard]] UniquePeerMemory own(std::unique_ptr<PeerMemory> memory);
    /// Collective, after an exception that all ranks have caught.
    void free_unwound();

private:
    friend class FreePeerMemory;
    struct Owned {
        std::unique_ptr<PeerMemory> memory;
        bool unwound{};
    };
    [[nodiscard]] std::vector<Owned>::iterator find(const PeerMemory* memory);

    std::vector<Owned> owned_;  ///< in the order in which it was made
};

}  // namespace moe
