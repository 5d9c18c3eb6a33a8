// A reduce_scatter between buffers that NCCL has registered at the same place on all ranks
// (windows): its kernels then read peers' memory directly. Blocks have to be equally long. Where
// they are, partial sums are written into a window in the first place, as an engine that allocates
// there does; otherwise they are copied into blocks, and that copy is part of the strategy.
#include "comm/combine/copy_into_blocks.hpp"
#include "comm/combine/owner_combine.hpp"

#include <vector>

namespace moe {
namespace {

/// Elements of a block are a multiple of this: NCCL 2.28.9 left the last sums of blocks of 30 bytes
/// out (2 ranks, bf16), so that blocks are cut where its widest accesses are.
constexpr std::int64_t kStep = 16;

std::int64_t block_elements(const CombineSetup& setup) {
    return (setup.owned.largest() * setup.cols + kStep - 1) / kStep * kStep;
}
std::size_t block_bytes(const CombineSetup& setup) {
    return static_cast<std::size_t>(block_elements(setup)) * size_of(setup.dtype);
}
/// Whether the partial sums are equal blocks as they are.
bool has_blocks(const CombineSetup& setup) {
    return setup.owned.even() && setup.owned.largest() * setup.cols == block_elements(setup);
}

class ReduceScatterSymmetric final : public OwnerCombine {
public:
    explicit ReduceScatterSymmetric(const CombineSetup& setup)
        : OwnerCombine(setup), elements_(block_elements(setup)), copy_(setup) {
        if (elements_ == 0) return;
        auto& world = setup.world;
        // The result lies in a window as well, whose kernels NCCL takes only then.
        block_ = world.make_peer_memory(block_bytes(setup), Reach::library);
        if (has_blocks(setup)) return;
        const auto ranks = static_cast<std::size_t>(world.size());
        blocks_ = world.make_peer_memory(ranks * block_bytes(setup), Reach::library);
    }

private:
    Matrix reduce_own(const CombineInput& in, const Matrix& own, Stream& stream) override {
        if (elements_ == 0) return own;
        Matrix blocks{in.rows.data, setup().owned.ranks(), elements_, own.dtype};
        if (blocks_) {
            blocks.data = blocks_->data();
            copy_.run(in.rows, blocks.data, blocks.row_bytes(), stream);
        }
        setup().world.reduce_scatter(blocks, {block_->data(), 1, elements_, own.dtype}, stream);
        return {block_->data(), own.rows, own.cols, own.dtype};
    }

    std::int64_t elements_;  ///< of a block
    CopyIntoBlocks copy_;
    UniquePeerMemory block_;   ///< the result
    UniquePeerMemory blocks_;  ///< where rows are copied into; null where they are not
};

Cost cost(const CombineSetup& setup) {
    const auto ranks = static_cast<std::size_t>(setup.owned.ranks());
    const RowPartition blocks(std::vector(ranks, block_elements(setup)));  // rows of one element
    const auto of_rank = [&](int rank) {
        return ring_reduce_scatter_v(blocks, static_cast<std::int64_t>(size_of(setup.dtype)), rank);
    };
    auto cost = owners_cost(setup, of_rank, OwnSums::elsewhere);
    cost.workspace_bytes = block_bytes(setup);
    if (has_blocks(setup)) return cost;
    cost += CopyIntoBlocks::cost(setup);
    cost.workspace_bytes += ranks * block_bytes(setup);
    return cost;
}

}  // namespace

extern const CombineEntry reduce_scatter_symmetric;
constinit const CombineEntry reduce_scatter_symmetric{
    .name = "reduce_scatter_symmetric",
    .summary = "padded reduce_scatter in NCCL's symmetric memory",
    .form = Form::reduce_scatter,
    .obstacle = [](const CombineSetup& setup) { return setup.world.peer_obstacle(Reach::library); },
    .cost = cost,
    .make = make<ReduceScatterSymmetric>,
    .variant = [](const CombineSetup& setup) -> std::string_view {
        return has_blocks(setup) ? "zero_copy" : "copied";
    },
    .input = [](const CombineSetup& setup) -> InputNeeds {
        if (!has_blocks(setup) || setup.owned.total() == 0) return {};
        return {.reach = Reach::library};
    }};

}  // namespace moe
