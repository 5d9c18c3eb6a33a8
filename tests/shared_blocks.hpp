// Memory of one process in place of what several ranks map: threads stand for ranks.
#pragma once

#include "kernels/runtime/peer_kernels.hpp"
#include "tests/peer_rounds.hpp"

#include <cstddef>
#include <cstdint>
#include <vector>

namespace moe {

/// A block of memory on each rank, with what ranks wait by.
class SharedBlocks {
public:
    /// Words of flags and epochs of a rank, as the kernels want them.
    struct Words {
        std::size_t flags{}, epochs{};
    };
    /// `bytes` of zeros on each rank; all words begin at `epoch`.
    SharedBlocks(int ranks, std::size_t bytes, Words words, std::uint32_t epoch) {
        for (int rank = 0; rank < ranks; ++rank) {
            memory_.emplace_back(bytes / sizeof(Line) + 1);
            // Apart from other ranks' by a line, as from one window to the next.
            flag_words_.emplace_back(words.flags + sizeof(Line) / sizeof epoch, epoch);
            epoch_words_.emplace_back(words.epochs, epoch);
            data_.push_back(memory_.back().front().bytes);
            flags_.push_back(flag_words_.back().data());
            epochs_.push_back(epoch_words_.back().data());
        }
    }
    [[nodiscard]] PeerTable of(int rank) const {
        return {.data = data_,
                .flags = flags_,
                .epochs = epochs_[static_cast<std::size_t>(rank)],
                .rank = rank};
    }

private:
    struct alignas(64) Line {
        std::byte bytes[64];
    };
    std::vector<std::vector<Line>> memory_;
    std::vector<std::vector<std::uint32_t>> flag_words_, epoch_words_;
    std::vector<std::byte*> data_;
    std::vector<std::uint32_t*> flags_, epochs_;
};

/// Bytes of a block in which any matrix of PeerRounds finds room.
constexpr std::size_t kBlockBytes = kMostOffset + kMostRows * kMostCols * sizeof(float) + 64;

/// Where one rank's weighted rows lie in a block, in bytes.
struct WeightedPlaces {
    static constexpr std::size_t kDense = 0;
    static constexpr std::size_t kOffsets =
        kMostEntries * kMostRows * kMostWeightedCols * sizeof(float);
    static constexpr std::size_t kIndices = kOffsets + (kMostRows + 1) * sizeof(std::int32_t);
    static constexpr std::size_t kWeights =
        kIndices + kMostEntries * kMostRows * sizeof(std::int32_t);
    static constexpr std::size_t kEnd = kWeights + kMostEntries * kMostRows * sizeof(float);
};

/// Bytes of half an inbox in which any push of so many bytes to one owner finds room.
inline std::size_t half_bytes(int ranks, std::size_t bytes) {
    const auto count = static_cast<std::size_t>(ranks);
    return (count + 1) * PushInbox::slot_for(bytes + count * PushPlan::kVector);
}
constexpr std::size_t kWeightedInboxBytes =
    kMostRows * (kMostWeightedCols * sizeof(float) + 2 * PushPlan::kVector);

/// All that kernels of PeerRounds work in.
struct SharedMemory {
    SharedMemory(int ranks, SharedBlocks::Words words, std::uint32_t epoch)
        : blocks(ranks, kBlockBytes, words, epoch),
          inbox(ranks, PushInbox::bytes_for(ranks, kBlockBytes), words, epoch),
          parts(ranks, PeerKernels::two_shot_part_bytes(ranks, kBlockBytes), words, epoch),
          owners_inbox(ranks, 2 * half_bytes(ranks, kBlockBytes), words, epoch),
          weighted(ranks, WeightedPlaces::kEnd, words, epoch),
          weighted_inbox(ranks, 2 * half_bytes(ranks, kWeightedInboxBytes), words, epoch) {}

    SharedBlocks blocks, inbox, parts, owners_inbox, weighted, weighted_inbox;
};

}  // namespace moe
