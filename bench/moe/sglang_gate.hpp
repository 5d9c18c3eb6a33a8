#pragma once

#include "bench/moe/parallel.hpp"

#include <cstdint>
#include <span>
#include <string>
#include <string_view>

namespace moe {

/// The output path that SGLang would take for this topology, by its
/// should_use_dp_reduce_scatterv(): DP attention with more than one DP rank, as many
/// expert-parallel as DP ranks (PR 22642), and as many ranks as DP ranks (PR 32663).
/// "reduce_scatterv", or "all_reduce_dp_scatter: <why>". Its two other conditions, no all-to-all
/// backend and no FP4 all-gather, hold for all that is measured here.
[[nodiscard]] std::string sglang_path(const Parallel& parallel);

/// Releases that brought another rule for padding: one for all up to 0.5.22, and that of 0.5.23.
enum class SglangVersion : std::uint8_t { v0_5_22, v0_5_23 };
[[nodiscard]] std::string_view to_string(SglangVersion version);

/// What a serving step does: prefill of all requests, decode of all, or prefill of some beside
/// decode of others.
enum class StepPhase : std::uint8_t { prefill, decode, mixed };
[[nodiscard]] std::string_view to_string(StepPhase phase);

/// What the rule asks about a step beside its tokens.
struct SglangStep {
    StepPhase phase{};
    bool graph{};              ///< it is replayed from a CUDA graph
    std::int64_t row_bytes{};  ///< of one row on the wire
};

/// Largest message of SGLang's own all-reduce in a CUDA graph, custom_all_reduce's max_size.
inline constexpr std::int64_t kSglangAllReduceBytes = 16 << 20;

/// Padding that SGLang chooses for a step, by its DpPaddingMode. Tokens of each DP rank are first
/// rounded up to a multiple of attn_tp.
/// * Up to 0.5.22: a step with any prefill is SUM_LEN. Decode is MAX_LEN where that at most doubles
///   the rows, else SUM_LEN (get_dp_padding_mode()); in a CUDA graph it is MAX_LEN always
///   (get_default_mode_in_cuda_graph()).
/// * 0.5.23: decode, in a graph too, is SUM_LEN where all rows fit the custom all-reduce and no DP
///   rank is idle; else as before. Its other two conditions, no speculative decoding and no
///   all-to-all backend, hold for all that is measured here.
[[nodiscard]] Padding sglang_padding(SglangVersion version, const SglangStep& step,
                                     std::span<const std::int64_t> tokens_by_dp, int attn_tp);

}  // namespace moe
