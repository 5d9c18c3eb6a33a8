#pragma once

#include "comm/combine/combine.hpp"

#include <cstddef>
#include <vector>

namespace moe {

/// Copies the rows of each owner to where its block begins.
class CopyIntoBlocks {
public:
    explicit CopyIntoBlocks(const CombineSetup& setup);
    /// Block q lies q * block_bytes behind `blocks` and has room for owner q's rows.
    void run(const Matrix& partial, std::byte* blocks, std::size_t block_bytes, Stream& stream);
    [[nodiscard]] static Cost cost(const CombineSetup& setup);

private:
    Device& device_;
    const RowPartition& owned_;
    std::vector<Copy> copies_;  ///< of one run; kept, since a run must not allocate
};

}  // namespace moe
