// A reduce_scatter between buffers that NCCL has registered at the same place on all ranks: its
// kernels then read peers' memory directly. Blocks have to be equally long, so that rows are copied
// into them first, and that copy is part of the strategy.
#include "comm/combine/combine.hpp"

namespace moe {
namespace {

/// Elements of a block: NCCL 2.28.9 left the last sums of blocks of 30 bytes out (2 ranks, bf16),
/// so that blocks are cut where its widest accesses are.
std::int64_t block_elements(const CombineSetup& setup) {
    constexpr std::int64_t kStep = 16;
    return (setup.owned.largest() * setup.cols + kStep - 1) / kStep * kStep;
}
std::size_t block_bytes(const CombineSetup& setup) {
    return static_cast<std::size_t>(block_elements(setup)) * size_of(setup.dtype);
}

class ReduceScatterSymmetric final : public Combine {
public:
    explicit ReduceScatterSymmetric(const CombineSetup& setup)
        : device_(setup.device),
          world_(setup.world),
          owned_(setup.owned),
          elements_(block_elements(setup)),
          group_gather_(setup) {
        if (elements_ == 0) return;
        const auto ranks = static_cast<std::size_t>(owned_.ranks());
        blocks_ = world_.make_symmetric(ranks * block_bytes(setup));
        block_ = world_.make_symmetric(block_bytes(setup));
        const auto stream = device_.make_stream();
        device_.clear({blocks_->data(), owned_.ranks(), elements_, setup.dtype}, *stream);
        stream->synchronize();
    }

    Matrix run(const Matrix& partial, const Matrix& mine, Stream& stream) override {
        if (elements_ == 0) return mine;
        const Matrix blocks{blocks_->data(), owned_.ranks(), elements_, partial.dtype};
        copy_into_blocks(device_, partial, owned_, blocks.data, blocks.row_bytes(), stream);
        world_.reduce_scatter(blocks, {block_->data(), 1, elements_, partial.dtype}, stream);
        const Matrix own{block_->data(), owned_.rows(world_.rank()), partial.cols, partial.dtype};
        return group_gather_.gather(own, mine, stream);
    }

private:
    Device& device_;
    Communicator& world_;
    const RowPartition& owned_;
    std::int64_t elements_;  ///< of a block
    GroupGather group_gather_;
    std::unique_ptr<SymmetricMemory> blocks_, block_;
};

Cost cost(const CombineSetup& setup) {
    const auto& owned = setup.owned;
    const auto padded = owned.padded();
    auto cost = owners_cost(
        setup, [&](int rank) { return ring_reduce_scatter_v(padded, setup.row_bytes(), rank); });
    cost += {.memory_bytes = 2 * owned.total() * setup.row_bytes(),
             .launches = 1,
             .workspace_bytes = static_cast<std::size_t>(owned.ranks() + 1) * block_bytes(setup)};
    return cost;
}

}  // namespace

extern const CombineEntry reduce_scatter_symmetric;
constinit const CombineEntry reduce_scatter_symmetric{
    .name = "reduce_scatter_symmetric",
    .summary = "padded reduce_scatter in NCCL's symmetric memory",
    .form = Form::reduce_scatter,
    .obstacle = [](const CombineSetup& setup) { return setup.world.symmetric_obstacle(); },
    .cost = cost,
    .make = [](const CombineSetup& setup) -> std::unique_ptr<Combine> {
        return std::make_unique<ReduceScatterSymmetric>(setup);
    }};

}  // namespace moe
