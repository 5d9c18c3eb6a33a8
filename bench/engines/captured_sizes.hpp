#pragma once

#include <cstdint>
#include <optional>
#include <span>
#include <vector>

namespace moe {

/// The decode batches of one DP rank that an engine captures as CUDA graphs.
struct CapturedSizes {
    /// The largest of so many ranks and more.
    struct Largest {
        int from_ranks{};
        std::int64_t rows{};
    };
    std::vector<std::int64_t> rows;  ///< of all, ascending
    std::vector<Largest> largest;    ///< by ranks, ascending

    /// Those that an engine of so many ranks captures.
    [[nodiscard]] std::vector<std::int64_t> of_ranks(int ranks) const;
};

/// The smallest captured size for so many tokens of one DP rank, of those that its attn_tp ranks
/// can share evenly; nothing where there is none.
[[nodiscard]] std::optional<std::int64_t> captured_rows(std::span<const std::int64_t> sizes,
                                                        std::int64_t tokens, int attn_tp);

}  // namespace moe
