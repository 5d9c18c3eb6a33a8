// A reduce_scatter between buffers that NCCL has registered at the same place on all ranks: its
// kernels then read peers' memory directly. Blocks have to be equally long, so that rows are copied
// into them first, and that copy is part of the strategy.
#include "comm/combine/combine.hpp"

namespace moe {
namespace {

std::int64_t padded_bytes(const CombineSetup& setup) {
    return setup.owned.padded().total() * setup.row_bytes();
}
std::int64_t block_bytes(const CombineSetup& setup) {
    return setup.owned.largest() * setup.row_bytes();
}

class ReduceScatterSymmetric final : public Combine {
public:
    explicit ReduceScatterSymmetric(const CombineSetup& setup)
        : device_(setup.device),
          world_(setup.world),
          owned_(setup.owned),
          longest_(owned_.largest()),
          group_gather_(setup) {
        if (longest_ == 0) return;
        blocks_ = world_.make_symmetric(static_cast<std::size_t>(padded_bytes(setup)));
        block_ = world_.make_symmetric(static_cast<std::size_t>(block_bytes(setup)));
        const auto stream = device_.make_stream();
        device_.clear({blocks_->data(), longest_ * owned_.ranks(), setup.cols, setup.dtype},
                      *stream);
        stream->synchronize();
    }

    Matrix run(const Matrix& partial, const Matrix& mine, Stream& stream) override {
        if (longest_ == 0) return mine;
        const Matrix blocks{blocks_->data(), longest_ * owned_.ranks(), partial.cols,
                            partial.dtype};
        if (owned_.even()) {
            device_.copy(partial, blocks, stream);
        } else {
            for (int owner = 0; owner < owned_.ranks(); ++owner) {
                const auto rows = owned_.rows(owner);
                if (rows == 0) continue;
                device_.copy(partial.slice(owned_.first(owner), rows),
                             blocks.slice(owner * longest_, rows), stream);
            }
        }
        const Matrix block{block_->data(), longest_, partial.cols, partial.dtype};
        world_.reduce_scatter(blocks, block, stream);
        return group_gather_.gather(block.slice(0, owned_.rows(world_.rank())), mine, stream);
    }

private:
    Device& device_;
    Communicator& world_;
    const RowPartition& owned_;
    std::int64_t longest_;
    GroupGather group_gather_;
    std::unique_ptr<SymmetricMemory> blocks_, block_;
};

Cost cost(const CombineSetup& setup) {
    const auto& owned = setup.owned;
    const auto padded = owned.padded();
    auto cost = owners_cost(
        setup, [&](int rank) { return ring_reduce_scatter_v(padded, setup.row_bytes(), rank); });
    cost += {.memory_bytes = 2 * owned.total() * setup.row_bytes(),
             .launches = owned.even() ? 1 : owned.owners(),
             .workspace_bytes = static_cast<std::size_t>(padded_bytes(setup) + block_bytes(setup))};
    return cost;
}

}  // namespace

extern const CombineEntry reduce_scatter_symmetric;
constinit const CombineEntry reduce_scatter_symmetric{
    .name = "reduce_scatter_symmetric",
    .summary = "padded reduce_scatter in NCCL's symmetric memory",
    .baseline = false,
    .obstacle = [](const CombineSetup& setup) { return setup.world.symmetric_obstacle(); },
    .cost = cost,
    .make = [](const CombineSetup& setup) -> std::unique_ptr<Combine> {
        return std::make_unique<ReduceScatterSymmetric>(setup);
    }};

}  // namespace moe
