// Strategies with the mistakes that real systems shipped (SGLang issues 24785, 27191, 31475,
// 36879), for showing that the verifier sees them, and two that are right with other bits for
// another owner, or each time. Only test programs link these.
#include "comm/combine/all_reduce.hpp"
#include "comm/combine/owner_combine.hpp"

#include <vector>

namespace moe {
namespace {

/// Reduced once more than it should be: the full sums of all ranks are added up again.
class ReducedTwice final : public Combine {
public:
    explicit ReducedTwice(const CombineSetup& setup)
        : world_(setup.world),
          first_(setup.group_first()),
          sums_(setup.device.allocate(
              static_cast<std::size_t>(setup.owned.total() * setup.row_bytes()))) {}
    Matrix run(const CombineInput& in, const Matrix& mine, Stream& stream) override {
        const auto& partial = in.rows;
        const auto sums = sums_.matrix(partial.rows, partial.cols, partial.dtype);
        world_.all_reduce(partial, sums, stream);
        world_.all_reduce(sums, sums, stream);
        return sums.slice(first_, mine.rows);
    }

private:
    Communicator& world_;
    std::int64_t first_;
    Buffer sums_;
};

/// Never reduced: each rank keeps its own partial sum of its rows. Faster than anything right.
class NeverReduced final : public Combine {
public:
    explicit NeverReduced(const CombineSetup& setup)
        : device_(setup.device), first_(setup.group_first()) {}
    Matrix run(const CombineInput& in, const Matrix& mine, Stream& stream) override {
        const auto& partial = in.rows;
        device_.copy(partial.slice(first_, mine.rows), mine, stream);
        return mine;
    }

private:
    Device& device_;
    std::int64_t first_;
};

/// Right once, and from then on what the first run left in memory of the strategy's own, which
/// nobody outside can poison.
class StaleSecondRun final : public Combine {
public:
    explicit StaleSecondRun(const CombineSetup& setup) : once_(setup) {}
    Matrix run(const CombineInput& in, const Matrix& /*mine*/, Stream& stream) override {
        if (runs_++ == 0) first_ = once_.run(in, stream);
        return first_;
    }

private:
    AllReduceRows once_;
    Matrix first_;
    int runs_{};
};

Cost no_cost(const CombineSetup& /*setup*/) {
    return {};
}

/// Right, but the ranks' sums are added in turn from another rank on for another owner, or in
/// another run.
class AddedInTurn : public OwnerCombine {
public:
    explicit AddedInTurn(const CombineSetup& setup)
        : OwnerCombine(setup),
          inbox_(
              setup.device.allocate(static_cast<std::size_t>(setup.own_rows() * setup.row_bytes()) *
                                    static_cast<std::size_t>(setup.world.size()))) {}

private:
    Matrix reduce_own(const CombineInput& in, const Matrix& own, Stream& stream) override {
        auto& device = setup().device;
        auto& world = setup().world;
        const auto& owned = setup().owned;
        const int ranks = world.size();
        const int me = world.rank();
        const auto rows = own.rows;
        const auto inbox = inbox_.matrix(rows * ranks, own.cols, own.dtype);
        world.all_to_all_v(in.rows, owned, inbox, stream);
        device.copy(in.rows.slice(owned.first(me), rows), inbox.slice(me * rows, rows), stream);
        std::vector<Matrix> operands;
        const int first = first_rank(me);
        for (int i = 0; i < ranks; ++i) {
            operands.push_back(inbox.slice((first + i) % ranks * rows, rows));
        }
        device.sum(operands, own, stream);
        return own;
    }
    [[nodiscard]] virtual int first_rank(int me) = 0;

    Buffer inbox_;
};

class OwnerFirst final : public AddedInTurn {
    using AddedInTurn::AddedInTurn;
    [[nodiscard]] int first_rank(int me) override { return me; }
};

class ChangingOrder final : public AddedInTurn {
    using AddedInTurn::AddedInTurn;
    [[nodiscard]] int first_rank(int /*me*/) override { return runs_++; }
    int runs_{};
};

}  // namespace

extern const CombineEntry reduced_twice;
constinit const CombineEntry reduced_twice{"reduced_twice",  "wrong on purpose",
                                           Form::all_reduce, no_obstacle,
                                           no_cost,          make<ReducedTwice>};
extern const CombineEntry never_reduced;
constinit const CombineEntry never_reduced{
    "never_reduced", "wrong on purpose", Form::reduce_scatter, no_obstacle,
    no_cost,         make<NeverReduced>};
extern const CombineEntry stale_second_run;
constinit const CombineEntry stale_second_run{
    "stale_second_run",  "wrong on purpose", Form::all_reduce, no_obstacle, no_cost,
    make<StaleSecondRun>};
extern const CombineEntry owner_first;
constinit const CombineEntry owner_first{"owner_first",
                                         "right, its bits depend on the owner",
                                         Form::reduce_scatter,
                                         no_obstacle,
                                         no_cost,
                                         make<OwnerFirst>};
extern const CombineEntry changing_order;
constinit const CombineEntry changing_order{"changing_order",
                                            "right, with other bits each time",
                                            Form::reduce_scatter,
                                            no_obstacle,
                                            no_cost,
                                            make<ChangingOrder>};

}  // namespace moe
