#include "bench/moe/sglang_gate.hpp"

#include <fmt/format.h>

namespace moe {

std::string sglang_path(const Parallel& parallel) {
    const auto baseline = [](std::string_view why) {
        return fmt::format("all_reduce_dp_scatter: {}", why);
    };
    if (parallel.dp == 1) return baseline("dp is 1");
    if (parallel.ep != parallel.dp) {
        return baseline(fmt::format("ep {} is not dp {}", parallel.ep, parallel.dp));
    }
    if (parallel.ranks != parallel.dp) {
        return baseline(fmt::format("{} ranks are not dp {}", parallel.ranks, parallel.dp));
    }
    return "reduce_scatterv";
}

}  // namespace moe
