#pragma once

#include "bench/moe/parallel.hpp"

#include <string>
#include <string_view>

namespace moe {

/// The engines that run the combine of this name in such a case, separated by ; with :FORM where
/// they have to be told to.
/// * sglang-0.5.23: reduce_scatter_padded where rows are padded to the longest rank's
///   (LayerCommunicator.should_use_reduce_scatter), reduce_scatterv_grouped where its gate is open
///   (see sglang_path), else all_reduce_engine_dp_scatter. :rs, :rsv and :ar are what
///   --boundary-reduction takes to run these three elsewhere.
/// * sglang-deterministic (--enable-deterministic-inference): all_reduce_slice.
/// * vllm-0.33 (all2all backend allgather_reducescatter): reduce_scatterv_collapse, where every
/// rank
///   is a DP rank.
/// Empty where there is one DP rank, to which these steps do not apply.
[[nodiscard]] std::string engine_path(std::string_view combine, const Parallel& parallel,
                                      Padding padding);

/// Whether such a path is one of SGLang's, by default or when told to.
[[nodiscard]] bool runs_in_sglang(std::string_view engine_path);

}  // namespace moe
