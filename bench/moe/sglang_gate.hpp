#pragma once

#include "bench/moe/parallel.hpp"

#include <string>

namespace moe {

/// The output path that SGLang would take for this topology, by its
/// should_use_dp_reduce_scatterv(): DP attention with more than one DP rank, as many
/// expert-parallel as DP ranks (PR 22642), and as many ranks as DP ranks (PR 32663).
/// "reduce_scatterv", or "all_reduce_dp_scatter: <why>". Its two other conditions, no all-to-all
/// backend and no FP4 all-gather, hold for all that is measured here.
[[nodiscard]] std::string sglang_path(const Parallel& parallel);

}  // namespace moe
