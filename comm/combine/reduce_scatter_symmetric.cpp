// A reduce_scatter between buffers that NCCL has registered at the same place on all ranks
// (windows): its kernels then read peers' memory directly. Blocks have to be equally long. Where
// they are, partial sums are written into a window in the first place, as an engine that allocates
// there does; otherwise they are copied into blocks, and that copy is part of the strategy.
#include "comm/combine/combine.hpp"

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

class ReduceScatterSymmetric final : public Combine {
public:
    explicit ReduceScatterSymmetric(const CombineSetup& setup)
        : world_(setup.world),
          owned_(setup.owned),
          elements_(block_elements(setup)),
          group_gather_(setup),
          copy_(setup) {
        if (elements_ == 0) return;
        // The result lies in a window as well, whose kernels NCCL takes only then.
        block_ = world_.make_peer_memory(block_bytes(setup), Reach::library);
        if (has_blocks(setup)) return;
        const auto ranks = static_cast<std::size_t>(owned_.ranks());
        blocks_ = world_.make_peer_memory(ranks * block_bytes(setup), Reach::library);
    }

    Matrix run(const CombineInput& in, const Matrix& mine, Stream& stream) override {
        if (elements_ == 0) return mine;
        const auto& rows = in.rows;
        Matrix blocks{rows.data, owned_.ranks(), elements_, rows.dtype};
        if (blocks_) {
            blocks.data = blocks_->data();
            copy_.run(rows, blocks.data, blocks.row_bytes(), stream);
        }
        world_.reduce_scatter(blocks, {block_->data(), 1, elements_, rows.dtype}, stream);
        const Matrix own{block_->data(), owned_.rows(world_.rank()), rows.cols, rows.dtype};
        return group_gather_.gather(own, mine, stream);
    }

private:
    Communicator& world_;
    const RowPartition& owned_;
    std::int64_t elements_;  ///< of a block
    GroupGather group_gather_;
    CopyIntoBlocks copy_;
    std::unique_ptr<PeerMemory> block_;   ///< the result
    std::unique_ptr<PeerMemory> blocks_;  ///< where rows are copied into; null where they are not
};

Cost cost(const CombineSetup& setup) {
    const auto& owned = setup.owned;
    const auto padded = owned.padded();
    auto cost = owners_cost(
        setup, [&](int rank) { return ring_reduce_scatter_v(padded, setup.row_bytes(), rank); });
    cost.workspace_bytes = block_bytes(setup);
    if (has_blocks(setup)) return cost;
    cost += {.memory_bytes = 2 * owned.total() * setup.row_bytes(),
             .launches = 1,
             .workspace_bytes = static_cast<std::size_t>(owned.ranks()) * block_bytes(setup)};
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
    .make = [](const CombineSetup& setup) -> std::unique_ptr<Combine> {
        return std::make_unique<ReduceScatterSymmetric>(setup);
    },
    .variant = [](const CombineSetup& setup) -> std::string_view {
        return has_blocks(setup) ? "zero_copy" : "copied";
    },
    .input = [](const CombineSetup& setup) -> InputNeeds {
        if (!has_blocks(setup) || setup.owned.total() == 0) return {};
        return {.reach = Reach::library};
    }};

}  // namespace moe
