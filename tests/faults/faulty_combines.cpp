// Strategies with the mistakes that real systems shipped (SGLang issues 24785, 27191, 31475,
// 36879), for showing that the verifier sees them. Only test programs link these.
#include "comm/combine/all_reduce.hpp"

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
    Matrix run(const Matrix& partial, const Matrix& mine, Stream& stream) override {
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
    Matrix run(const Matrix& partial, const Matrix& mine, Stream& stream) override {
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
    Matrix run(const Matrix& partial, const Matrix& /*mine*/, Stream& stream) override {
        if (runs_++ == 0) first_ = once_.run(partial, stream);
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

template <class Strategy>
std::unique_ptr<Combine> make(const CombineSetup& setup) {
    return std::make_unique<Strategy>(setup);
}

}  // namespace

extern const CombineEntry reduced_twice;
constinit const CombineEntry reduced_twice{"reduced_twice", "wrong on purpose", false, no_obstacle,
                                           no_cost,         make<ReducedTwice>};
extern const CombineEntry never_reduced;
constinit const CombineEntry never_reduced{"never_reduced", "wrong on purpose", false, no_obstacle,
                                           no_cost,         make<NeverReduced>};
extern const CombineEntry stale_second_run;
constinit const CombineEntry stale_second_run{
    "stale_second_run", "wrong on purpose", false, no_obstacle, no_cost, make<StaleSecondRun>};

}  // namespace moe
