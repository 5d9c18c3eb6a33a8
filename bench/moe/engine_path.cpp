#include "bench/moe/engine_path.hpp"

#include "bench/moe/sglang_gate.hpp"

#include <fmt/format.h>
#include <fmt/ranges.h>

#include <vector>

namespace moe {
namespace {

std::string_view sglang_combine(const Parallel& parallel, Padding padding) {
    if (padding == Padding::max_len) return "reduce_scatter_padded";
    return sglang_path(parallel) == "reduce_scatterv" ? "reduce_scatterv_grouped"
                                                      : "all_reduce_engine_dp_scatter";
}

}  // namespace

std::string engine_path(std::string_view combine, const Parallel& parallel, Padding padding) {
    if (parallel.dp == 1) return {};
    std::vector<std::string_view> engines;
    if (combine == sglang_combine(parallel, padding)) engines.emplace_back("sglang-0.5.23");
    if (combine == "all_reduce_slice") engines.emplace_back("sglang-deterministic");
    const bool every_rank = parallel.ranks == parallel.dp;
    if (every_rank && combine == "reduce_scatterv_collapse") engines.emplace_back("vllm-0.33");
    return fmt::format("{}", fmt::join(engines, ";"));
}

}  // namespace moe
