#pragma once

#include <cstddef>
#include <cstdint>

namespace moe::cuda {

/// Ranks of one table: their pointers travel as a kernel's parameters.
constexpr int kMaxPeers = 8;
/// Blocks of a kernel that waits by flags, of which each block has one for each rank.
constexpr int kMaxFlagBlocks = 128;
constexpr std::size_t kFlagBytes = sizeof(std::uint32_t) * kMaxFlagBlocks * kMaxPeers;
/// Blocks of any kernel over peer memory; each reads an epoch of its own.
constexpr int kMaxEpochs = 1024;
constexpr std::size_t kEpochBytes = sizeof(std::uint32_t) * kMaxEpochs;

/// What a wait that took too long leaves in memory that the host sees; of several, the last one.
struct alignas(16) PeerError {
    std::uint32_t waited;          ///< 1 once a wait has given up: from then on all waits do
    std::uint32_t peer_and_block;  ///< who was waited for << 16 | which block waited
    std::uint32_t epoch;           ///< of the call
    std::uint32_t seen;            ///< the word there
};

/// A PeerTable as kernels take it.
struct Peers {
    std::byte* data[kMaxPeers];
    std::uint32_t* flags[kMaxPeers];  ///< [kMaxFlagBlocks][kMaxPeers] each: by block and by sender
    std::uint32_t* epochs;            ///< [kMaxEpochs]
    PeerError* error;
    unsigned long long patience_ns;  ///< after which a wait gives up
    int rank, ranks;
};

}  // namespace moe::cuda
