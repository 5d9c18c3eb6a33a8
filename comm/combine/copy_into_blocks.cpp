#include "comm/combine/copy_into_blocks.hpp"

namespace moe {

CopyIntoBlocks::CopyIntoBlocks(const CombineSetup& setup)
    : device_(setup.device), owned_(setup.owned) {
    copies_.reserve(static_cast<std::size_t>(owned_.owners()));
}

void CopyIntoBlocks::run(const Matrix& partial, std::byte* blocks, std::size_t block_bytes,
                         Stream& stream) {
    copies_.clear();
    for (int owner = 0; owner < owned_.ranks(); ++owner) {
        const auto rows = owned_.rows(owner);
        if (rows == 0) continue;
        auto* block = blocks + static_cast<std::size_t>(owner) * block_bytes;
        copies_.push_back(
            {partial.slice(owned_.first(owner), rows), {block, rows, partial.cols, partial.dtype}});
    }
    device_.copy_all(copies_, stream);
}

Cost CopyIntoBlocks::cost(const CombineSetup& setup) {
    return {.memory_bytes = 2 * setup.owned.total() * setup.row_bytes(), .launches = 1};
}

}  // namespace moe
