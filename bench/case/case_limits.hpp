#pragma once

#include "bench/case/region.hpp"
#include "bench/measure/calibration.hpp"
#include "comm/bootstrap.hpp"
#include "comm/combine/combine.hpp"

#include <cstdint>

namespace moe {

/// What output steps of a case move beside their exchanges: bytes of the rank that moves most.
struct StepBytes {
    std::int64_t expert_rows{};  ///< that make up its partial sums, the shared expert's among them
    /// That make up the largest owner's rows, on all ranks together, were all rows alike.
    std::int64_t of_owner{};
    std::int64_t result{};  ///< of the rows that a rank wants
};
/// Collective, when the router has made the rows; nothing where there are none. `weighted`: see
/// MoeLayer::weighted_input.
[[nodiscard]] StepBytes count_step_bytes(Bootstrap& bootstrap, const CombineSetup& setup,
                                         const CombineInput& weighted);

/// The least seconds that the links and the memory of this machine need for the output steps of one
/// case with rows ("Limits" in results/README.md). All of it is collective.
class CaseLimits {
public:
    struct Parts {
        Calibration& calibration;
        const CombineSetup& setup;
        StepBytes bytes;
        bool one_memory{};  ///< of all ranks: there are no links between them beside it
        bool epilogue{};    ///< behind every step
    };
    explicit CaseLimits(const Parts& parts);

    /// Of the exchange, by what its contract forces.
    [[nodiscard]] double contract() const { return contract_; }
    /// Of the exchange as the strategy makes it.
    [[nodiscard]] double exchange(const StrategyRun& strategy);
    /// Of its whole output step: the local combine, the exchange and the epilogue, one after the
    /// other but for what the strategy does in one pass.
    [[nodiscard]] double output(const StrategyRun& strategy);

private:
    /// `read`: bytes of the rows of `dtype` that most of it is read from.
    [[nodiscard]] double limit(const Cost& cost, std::int64_t read, DType dtype);
    [[nodiscard]] double limit(const Cost& exchange);
    [[nodiscard]] Cost cost_of(const StrategyRun& strategy) const;

    Parts parts_;
    double contract_;
};

}  // namespace moe
