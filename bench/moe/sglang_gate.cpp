#include "bench/moe/sglang_gate.hpp"

#include "kernels/runtime/error.hpp"

#include <fmt/format.h>

#include <algorithm>
#include <numeric>

namespace moe {

std::string_view to_string(SglangVersion version) {
    return version == SglangVersion::v0_5_22 ? "sglang:0.5.22" : "sglang:0.5.23";
}

std::string_view to_string(StepPhase phase) {
    switch (phase) {
        case StepPhase::prefill:
            return "prefill";
        case StepPhase::decode:
            return "decode";
        case StepPhase::mixed:
            return "mixed";
    }
    raise(MOE_SITE("phase"), "unknown StepPhase");
}

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

Padding sglang_padding(SglangVersion version, const SglangStep& step,
                       std::span<const std::int64_t> tokens_by_dp, int attn_tp) {
    if (step.phase != StepPhase::decode) return Padding::sum_len;
    const auto rows = padded_tokens(tokens_by_dp, attn_tp, Padding::sum_len);
    const auto sum = std::accumulate(rows.begin(), rows.end(), std::int64_t{0});
    if (version == SglangVersion::v0_5_23) {
        const bool fits = sum <= kSglangAllReduceBytes / step.row_bytes;
        const bool idle = std::ranges::find(rows, 0) != rows.end();
        if (fits && !idle) return Padding::sum_len;
    }
    if (step.graph) return Padding::max_len;
    const auto padded = *std::ranges::max_element(rows) * static_cast<std::int64_t>(rows.size());
    return 2 * sum >= padded ? Padding::max_len : Padding::sum_len;
}

}  // namespace moe
