// A plain reduce_scatter over blocks that are all as long as the longest: SGLang's form for rows
// that are padded to a maximum anyway. Then nothing is copied; otherwise each owner's rows are
// copied to where its block begins, and the padding travels and is added like any row.
#include "comm/combine/combine.hpp"

namespace moe {
namespace {

std::int64_t padded_bytes(const CombineSetup& setup) {
    return setup.owned.padded().total() * setup.row_bytes();
}
std::int64_t block_bytes(const CombineSetup& setup) {
    return setup.owned.largest() * setup.row_bytes();
}

class ReduceScatterPadded final : public Combine {
public:
    explicit ReduceScatterPadded(const CombineSetup& setup)
        : world_(setup.world),
          owned_(setup.owned),
          even_(owned_.even()),
          longest_(owned_.largest()),
          group_gather_(setup),
          copy_(setup) {
        if (even_) return;
        auto& device = setup.device;
        padded_ = device.allocate(static_cast<std::size_t>(padded_bytes(setup)));
        block_ = device.allocate(static_cast<std::size_t>(block_bytes(setup)));
        // Sums of whatever lies in fresh memory are dropped, but denormal numbers take a hundred
        // times as long to add.
        const auto stream = device.make_stream();
        device.clear(padded_.matrix(longest_ * owned_.ranks(), setup.cols, setup.dtype), *stream);
        stream->synchronize();
    }

    Matrix run(const CombineInput& in, const Matrix& mine, Stream& stream) override {
        const auto& partial = in.rows;
        if (even_) {
            const auto own = group_gather_.owned_part(mine);
            world_.reduce_scatter(partial, own, stream);
            return group_gather_.gather(own, mine, stream);
        }
        const auto padded = padded_.matrix(longest_ * owned_.ranks(), partial.cols, partial.dtype);
        copy_.run(partial, padded.data, static_cast<std::size_t>(longest_) * partial.row_bytes(),
                  stream);
        const auto block = block_.matrix(longest_, partial.cols, partial.dtype);
        world_.reduce_scatter(padded, block, stream);
        return group_gather_.gather(block.slice(0, owned_.rows(world_.rank())), mine, stream);
    }

private:
    Communicator& world_;
    const RowPartition& owned_;
    bool even_;
    std::int64_t longest_;
    GroupGather group_gather_;
    CopyIntoBlocks copy_;
    Buffer padded_, block_;
};

Cost cost(const CombineSetup& setup) {
    const auto& owned = setup.owned;
    const auto padded = owned.padded();
    auto cost = owners_cost(
        setup, [&](int rank) { return ring_reduce_scatter_v(padded, setup.row_bytes(), rank); });
    if (owned.even()) return cost;
    // Rows are copied into blocks, and one's own out of one where others of the group want them.
    const auto copied = owned.total() + (setup.group.size() > 1 ? owned.largest() : 0);
    cost += {.memory_bytes = 2 * copied * setup.row_bytes(),
             .launches = 1,
             .workspace_bytes = static_cast<std::size_t>(padded_bytes(setup) + block_bytes(setup))};
    return cost;
}

}  // namespace

extern const CombineEntry reduce_scatter_padded;
constinit const CombineEntry reduce_scatter_padded{
    .name = "reduce_scatter_padded",
    .summary = "reduce_scatter of blocks padded to the longest (SGLang's MAX_LEN)",
    .form = Form::reduce_scatter,
    .obstacle =
        [](const CombineSetup& setup) {
            return exchange_obstacle(setup.world, setup.owned.padded().total(), setup.cols);
        },
    .cost = cost,
    .make = [](const CombineSetup& setup) -> std::unique_ptr<Combine> {
        return std::make_unique<ReduceScatterPadded>(setup);
    },
    .variant = [](const CombineSetup& setup) -> std::string_view {
        return setup.owned.even() ? "zero_copy" : "copied";
    }};

}  // namespace moe
