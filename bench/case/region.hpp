#pragma once

#include "bench/measure/region_chain.hpp"
#include "bench/moe/layer.hpp"
#include "comm/combine/combine.hpp"

#include <array>
#include <cstddef>
#include <functional>
#include <memory>
#include <optional>
#include <string>
#include <string_view>

namespace moe {

/// The regions of a case, in the order in which they are measured.
enum class RegionId : std::uint8_t { output, combine, layer };
inline constexpr std::size_t kRegions = 3;

/// One strategy's part in a case.
struct StrategyRun {
    const CombineEntry* entry{};
    std::string obstacle;
    Cost cost;
    std::string_view variant{};
    InputNeeds needs{};
    std::unique_ptr<Combine> combine{};
    OutputStep output{};  ///< with the strategy and its input
    /// Where the case is about graphs: each region that applies, as it is timed.
    std::array<std::unique_ptr<RegionChain>, kRegions> chains{};
    std::optional<bool> verified{};
    std::string wrong{};  ///< why verified is false
    // Of the whole layer, where that is checked.
    std::optional<double> rms_error{};
    std::optional<bool> repeatable{}, owner_independent{};

    [[nodiscard]] bool to_be_timed() const { return obstacle.empty() && verified != false; }
    [[nodiscard]] RegionChain* chain(RegionId id) const {
        return chains[static_cast<std::size_t>(id)].get();
    }
};

/// A stretch of a case's work that is sampled by itself.
struct Region {
    RegionId id{};
    std::string_view name;
    /// Runs untimed right before each sample, so that what the strategy before left in the caches
    /// does not matter. Eager samples only: regions of a chain follow themselves.
    std::function<void(StrategyRun&)> warm_up;
    /// What a chain enqueues, untimed, before each region.
    std::function<void(StrategyRun&)> prepare;
    /// Enqueues the region; says where its result is.
    std::function<Matrix(StrategyRun&)> run;
    bool (*applies)(const InputNeeds&);
};

}  // namespace moe
