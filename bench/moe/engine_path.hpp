#pragma once

#include "bench/moe/parallel.hpp"

#include <string>
#include <string_view>

namespace moe {

/// The engines that by default run the combine of this name in such a case, separated by ;
/// * sglang-0.5.23: reduce_scatter_padded where rows are padded to the longest rank's
///   (LayerCommunicator.should_use_reduce_scatter), reduce_scatterv_grouped where its gate is open
///   (see sglang_path), else all_reduce_engine_dp_scatter.
/// * sglang-deterministic (--enable-deterministic-inference): all_reduce_slice.
/// * vllm-0.33 (all2all backend allgather_reducescatter): reduce_scatterv_collapse, where every
/// rank
///   is a DP rank.
/// Empty where there is one DP rank, to which these steps do not apply.
[[nodiscard]] std::string engine_path(std::string_view combine, const Parallel& parallel,
                                      Padding padding);

}  // namespace moe
