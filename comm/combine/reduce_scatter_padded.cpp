// A plain reduce_scatter over blocks that are all as long as the longest: SGLang's form for rows
// that are padded to a maximum anyway. Then nothing is copied; otherwise each owner's rows are
// copied to where its block begins, and the padding travels and is added like any row.
#include "comm/combine/copy_into_blocks.hpp"
#include "comm/combine/owner_combine.hpp"

namespace moe {
namespace {

std::int64_t padded_bytes(const CombineSetup& setup) {
    return setup.owned.padded().total() * setup.row_bytes();
}
std::int64_t block_bytes(const CombineSetup& setup) {
    return setup.owned.largest() * setup.row_bytes();
}

class ReduceScatterPadded final : public OwnerCombine {
public:
    explicit ReduceScatterPadded(const CombineSetup& setup)
        : OwnerCombine(setup),
          even_(setup.owned.even()),
          longest_(setup.owned.largest()),
          copy_(setup) {
        if (even_) return;
        auto& device = setup.device;
        padded_ = device.allocate(static_cast<std::size_t>(padded_bytes(setup)));
        block_ = device.allocate(static_cast<std::size_t>(block_bytes(setup)));
        // Sums of whatever lies in fresh memory are dropped, but denormal numbers take a hundred
        // times as long to add.
        const auto stream = device.make_stream();
        device.clear(padded(), *stream);
        stream->synchronize();
    }

private:
    Matrix reduce_own(const CombineInput& in, const Matrix& own, Stream& stream) override {
        auto& world = setup().world;
        if (even_) {
            world.reduce_scatter(in.rows, own, stream);
            return own;
        }
        const auto block = block_.matrix(longest_, own.cols, own.dtype);
        copy_.run(in.rows, padded_.data(), block.bytes(), stream);
        world.reduce_scatter(padded(), block, stream);
        return block.slice(0, own.rows);
    }
    [[nodiscard]] Matrix padded() const {
        return padded_.matrix(longest_ * setup().owned.ranks(), setup().cols, setup().dtype);
    }

    bool even_;
    std::int64_t longest_;  ///< rows of a block
    CopyIntoBlocks copy_;
    Buffer padded_, block_;
};

Cost cost(const CombineSetup& setup) {
    if (setup.owned.even()) return reduce_scatter_v_cost(setup);
    const auto padded = setup.owned.padded();
    const auto of_rank = [&](int rank) {
        return ring_reduce_scatter_v(padded, setup.row_bytes(), rank);
    };
    auto cost = owners_cost(setup, of_rank, OwnSums::elsewhere);
    cost += CopyIntoBlocks::cost(setup);
    cost.workspace_bytes = static_cast<std::size_t>(padded_bytes(setup) + block_bytes(setup));
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
    .make = make<ReduceScatterPadded>,
    .variant = [](const CombineSetup& setup) -> std::string_view {
        return setup.owned.even() ? "zero_copy" : "copied";
    }};

}  // namespace moe
