#include "bench/moe/engine_path.hpp"

#include "bench/moe/sglang_gate.hpp"

#include <fmt/format.h>
#include <fmt/ranges.h>

#include <vector>

namespace moe {
namespace {

constexpr std::string_view kSglang = "sglang-0.5.23";

/// A combine that SGLang can be told to run.
struct Boundary {
    std::string_view combine;
    std::string_view reduction;  ///< its --boundary-reduction
};
constexpr Boundary kPadded{"reduce_scatter_padded", "rs"};
constexpr Boundary kGrouped{"reduce_scatterv_grouped", "rsv"};
constexpr Boundary kAllReduce{"all_reduce_engine_dp_scatter", "ar"};

const Boundary& sglang_default(const Parallel& parallel, Padding padding) {
    if (padding == Padding::max_len) return kPadded;
    return sglang_path(parallel) == "reduce_scatterv" ? kGrouped : kAllReduce;
}

}  // namespace

std::string engine_path(std::string_view combine, const Parallel& parallel, Padding padding) {
    if (parallel.dp == 1) return {};
    std::vector<std::string> engines;
    for (const auto& boundary : {kPadded, kGrouped, kAllReduce}) {
        if (combine != boundary.combine) continue;
        const bool unasked = combine == sglang_default(parallel, padding).combine;
        engines.push_back(unasked ? std::string(kSglang)
                                  : fmt::format("{}:{}", kSglang, boundary.reduction));
    }
    if (combine == "all_reduce_slice") engines.emplace_back("sglang-deterministic");
    const bool every_rank = parallel.ranks == parallel.dp;
    if (every_rank && combine == "reduce_scatterv_collapse") engines.emplace_back("vllm-0.33");
    return fmt::format("{}", fmt::join(engines, ";"));
}

bool runs_in_sglang(std::string_view engine_path) {
    return engine_path.starts_with(kSglang);
}

}  // namespace moe
