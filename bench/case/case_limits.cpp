#include "bench/case/case_limits.hpp"

#include "comm/combine/weighted_layout.hpp"
#include "comm/contract_cost.hpp"

#include <algorithm>
#include <cmath>

namespace moe {
namespace {

// Accesses of each row that an epilogue makes: of the residual, h and y, and of the sums themselves
// where no pass holds them.
constexpr std::int64_t kNorm = 3, kNormAlone = 4;

bool pulls(const StrategyRun& strategy) {
    return strategy.needs.weighted() && strategy.needs.reach;
}

}  // namespace

StepBytes count_step_bytes(Bootstrap& bootstrap, const CombineSetup& setup,
                           const CombineInput& weighted) {
    if (setup.owned.total() == 0) return {};
    const double entries = downloaded_offsets(setup.device, weighted.weights).back();
    const auto row = static_cast<double>(setup.expert_row_bytes());
    const double of_owner = bootstrap.sum(entries) * static_cast<double>(setup.owned.largest()) /
                            static_cast<double>(setup.owned.total());
    return {std::llround(bootstrap.max(entries) * row), std::llround(of_owner * row),
            setup.largest_group_bytes()};
}

CaseLimits::CaseLimits(const Parts& parts)
    : parts_(parts),
      contract_(limit(
          contract_cost(parts.setup.owned, parts.setup.group.size(), parts.setup.row_bytes()))) {}

double CaseLimits::exchange(const StrategyRun& strategy) {
    // Strategies move no less than the contract asks for, whatever noise two limits have; but those
    // of weighted rows leave out rows of none.
    const double least = strategy.needs.weighted() ? 0.0 : contract_;
    return std::max(limit(cost_of(strategy)), least);
}

double CaseLimits::output(const StrategyRun& strategy) {
    const auto& setup = parts_.setup;
    const auto& bytes = parts_.bytes;
    const auto experts = setup.weighted.dtype;
    const bool fuses_norm = parts_.epilogue && strategy.output.fuses_epilogue;
    const auto norm = fuses_norm ? kNorm * bytes.result : 0;
    const double behind =
        parts_.epilogue && !fuses_norm
            ? limit({.memory_bytes = kNormAlone * bytes.result}, bytes.result, setup.dtype)
            : 0.0;
    auto pass = cost_of(strategy);
    pass.memory_bytes += norm;
    if (strategy.needs.weighted()) {
        const auto read = parts_.one_memory && pulls(strategy) ? bytes.of_owner : bytes.expert_rows;
        pass.memory_bytes += read;
        return limit(pass, read, experts) + behind;
    }
    const double before =
        limit({.memory_bytes = bytes.expert_rows + setup.all_bytes()}, bytes.expert_rows, experts);
    return before + std::max(limit(pass), contract_) + behind;
}

double CaseLimits::limit(const Cost& cost, std::int64_t read, DType dtype) {
    return parts_.calibration.limit(cost, std::max<std::int64_t>(read, 1), dtype);
}

double CaseLimits::limit(const Cost& exchange) {
    return limit(exchange, parts_.setup.all_bytes(), parts_.setup.dtype);
}

Cost CaseLimits::cost_of(const StrategyRun& strategy) const {
    auto cost = strategy.cost;
    if (parts_.one_memory && pulls(strategy)) cost.link_bytes = 0;  // read where they lie
    return cost;
}

}  // namespace moe
