#pragma once

#include "bench/case/prepared_case.hpp"

#include <optional>
#include <span>

namespace moe {

/// What a case's exchange runs on.
struct ExchangeParts {
    Device& device;
    Communicator& world;
    Communicator& group;
    const LayerKernelsFactory& kernels;
    const AutoTable* auto_table{};
};

/// The exchange of a case as strategies see it before anything is measured. For a layout without an
/// obstacle, which outlives it.
[[nodiscard]] CombineSetup exchange_setup(const Case& params, const CaseLayout& layout,
                                          const ExchangeParts& parts);
/// Collective. The same with what was measured: the speeds that strategies choose by, where some
/// do, and whether expert rows find room where other ranks read them.
[[nodiscard]] CombineSetup measured_exchange(const Case& params, const CaseLayout& layout,
                                             std::span<const CombineEntry* const> combines,
                                             const PreparedCase::Parts& parts);

/// How far expert rows must reach for the strategies that can run.
[[nodiscard]] std::optional<Reach> weighted_reach(const CombineSetup& setup,
                                                  std::span<const CombineEntry* const> combines);

}  // namespace moe
