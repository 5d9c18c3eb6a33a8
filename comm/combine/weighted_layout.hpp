#pragma once

#include "comm/combine/combine.hpp"

#include <cstddef>
#include <cstdint>
#include <vector>

namespace moe {

/// Where one rank's weighted rows lie in a block of memory: expert rows, then how rows are made of
/// them, each array from a cache line on. Ranks of one layout have them at the same place.
struct WeightedLayout {
    std::int64_t rows{};     ///< of all ranks
    std::int64_t entries{};  ///< of all rows together at most, and as many expert rows
    std::int64_t cols{};
    DType dtype{};  ///< of expert rows

    [[nodiscard]] std::size_t bytes() const { return arrays().end; }
    /// `memory`: what the block is of, where it reaches further.
    [[nodiscard]] CombineInput at(std::byte* block, PeerMemory* memory) const;

private:
    /// Bytes from the beginning of the block, where expert rows are.
    struct Arrays {
        std::size_t offsets, indices, weights, end;
    };
    [[nodiscard]] Arrays arrays() const;
    [[nodiscard]] Matrix expert_rows(std::byte* block) const {
        return {block, entries, cols, dtype};
    }
};

/// The offsets of weighted rows, on the host.
[[nodiscard]] std::vector<std::int32_t> downloaded_offsets(Device& device,
                                                           const WeightedRows& rows);

}  // namespace moe
