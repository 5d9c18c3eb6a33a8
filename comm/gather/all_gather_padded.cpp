// A plain all_gather of blocks that are all as long as the longest: SGLang's form for rows that are
// padded to a maximum anyway. Then nothing is copied; otherwise the rows are gathered into blocks
// with padding behind them, and copied together.
#include "comm/gather/gather.hpp"

#include <vector>

namespace moe {
namespace {

std::int64_t padded_bytes(const GatherSetup& setup) {
    return setup.owned.padded().total() * setup.row_bytes();
}

class AllGatherPadded final : public Gather {
public:
    explicit AllGatherPadded(const GatherSetup& setup)
        : device_(setup.device),
          world_(setup.world),
          owned_(setup.owned),
          even_(owned_.even()),
          longest_(owned_.largest()) {
        if (even_) return;
        padded_ = device_.allocate(static_cast<std::size_t>(padded_bytes(setup)));
        copies_.reserve(static_cast<std::size_t>(owned_.owners()));
    }

    void run(const Matrix& mine, const GatherOutput& out, Stream& stream) override {
        const auto& all = out.rows;
        if (even_) {
            world_.all_gather(mine, all, stream);
            return;
        }
        const auto padded = padded_.matrix(longest_ * owned_.ranks(), all.cols, all.dtype);
        const auto block = padded.slice(world_.rank() * longest_, longest_);
        if (mine.rows > 0) device_.copy(mine, block.slice(0, mine.rows), stream);
        world_.all_gather(block, padded, stream);
        copies_.clear();
        for (int rank = 0; rank < owned_.ranks(); ++rank) {
            const auto rows = owned_.rows(rank);
            if (rows == 0) continue;
            copies_.push_back(
                {padded.slice(rank * longest_, rows), all.slice(owned_.first(rank), rows)});
        }
        device_.copy_all(copies_, stream);
    }

private:
    Device& device_;
    Communicator& world_;
    const RowPartition& owned_;
    bool even_;
    std::int64_t longest_;
    Buffer padded_;
    std::vector<Copy> copies_;  ///< of one run; kept, since a run must not allocate
};

Cost cost(const GatherSetup& setup) {
    const auto& owned = setup.owned;
    if (owned.even()) return ring_all_gather_v(owned, setup.row_bytes());
    auto cost = ring_all_gather(owned.largest() * setup.row_bytes(), owned.ranks());
    cost += {.memory_bytes = 2 * (owned.total() + owned.largest()) * setup.row_bytes(),
             .launches = 2,
             .workspace_bytes = static_cast<std::size_t>(padded_bytes(setup))};
    return cost;
}

}  // namespace

extern const GatherEntry all_gather_padded;
constinit const GatherEntry all_gather_padded{
    .name = "all_gather_padded",
    .summary = "all_gather of blocks padded to the longest (SGLang's MAX_LEN)",
    .obstacle =
        [](const GatherSetup& setup) {
            return exchange_obstacle(setup.world, setup.owned.padded().total(), setup.cols);
        },
    .cost = cost,
    .make = make<AllGatherPadded>};

}  // namespace moe
