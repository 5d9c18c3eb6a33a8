#include "bench/sweep/spreads.hpp"

#include "bench/sweep/axis_values.hpp"
#include "bench/sweep/number_list.hpp"
#include "bench/sweep/token_ladder.hpp"
#include "kernels/runtime/error.hpp"

#include <fmt/format.h>

#include <algorithm>
#include <span>

namespace moe {
namespace {

LayerShape overridden(const ModelPreset& preset, const Options& options) {
    auto shape = preset.shape;
    shape.experts = options.experts.value_or(shape.experts);
    shape.top_k = static_cast<int>(options.top_k.value_or(shape.top_k));
    shape.intermediate = options.intermediate.value_or(shape.intermediate);
    shape.shared_intermediate = options.shared_intermediate.value_or(shape.shared_intermediate);
    const bool shared = shape.shared_intermediate > 0;
    if (options.shared_gate && !shared) {
        throw BadArgument(fmt::format(
            "--shared-gate: {} has no shared expert here; --shared-intermediate N gives it one",
            preset.name));
    }
    shape.shared_gate = shared && (shape.shared_gate || options.shared_gate);
    shape.scoring = options.scoring.value_or(shape.scoring);
    check_shape(shape);
    return scale_experts(shape, options.scale_experts);
}

/// Tokens of the step, over all DP ranks.
std::vector<std::int64_t> tokens_of(const Case& params, const Options& options) {
    if (!options.collectivex_tokens) return options.tokens;
    auto tokens =
        collectivex_ladder(params.phase ? std::span(&*params.phase, 1) : std::span(options.phases));
    for (auto& of_rank : tokens) of_rank *= params.dp;
    return tokens;
}

/// Combinations of phase and tokens for one padding and load. CollectiveX's ladders have other
/// tokens for each phase.
double count_tokens(const Options& options, bool by_phase) {
    if (options.collectivex_tokens) {
        return static_cast<double>(collectivex_ladder(options.phases).size());
    }
    return static_cast<double>(options.tokens.size() * (by_phase ? options.phases.size() : 1));
}

}  // namespace

void spread_models(const Case& params, const Options& options, std::vector<Case>& cases) {
    for (const auto* model : options.models) {
        cases.push_back(params);
        cases.back().model = model;
        cases.back().shape = overridden(*model, options);
        cases.back().scale_experts = options.scale_experts;
    }
}

void spread_hidden(const Case& params, const Options& options, std::vector<Case>& cases) {
    if (options.hidden.empty()) cases.push_back(params);
    for (const auto hidden : options.hidden) {
        cases.push_back(params);
        cases.back().shape.hidden = hidden;
    }
}

std::size_t count_hidden(const Options& options) {
    return std::max<std::size_t>(options.hidden.size(), 1);
}

void spread_routings(const Case& params, const Options& options, std::vector<Case>& cases) {
    for (const auto exponent : options.routings) {
        cases.push_back(params);
        cases.back().shape.expert_zipf = exponent;
    }
}

void spread_phases(const Case& params, const Options& options, std::vector<Case>& cases) {
    if (!asks_for_phase(params.padding) && !options.graph_sizes.given()) {
        cases.push_back(params);
        return;
    }
    for (const auto phase : options.phases) {
        cases.push_back(params);
        cases.back().phase = phase;
    }
}

void read_phases(std::string_view option, const std::string& text, Options& options) {
    options.phases = parse_phases(option, text);
    options.phases_given = true;
}

void read_tokens(std::string_view option, const std::string& text, Options& options) {
    constexpr std::string_view kCollectiveX = "collectivex";
    constexpr Limits kTokens{0, 1 << 24};
    options.collectivex_tokens = text == kCollectiveX;
    if (options.collectivex_tokens) return;
    try {
        options.tokens = parse_number_list(option, text, kTokens);
    } catch (const BadArgument& error) {
        throw BadArgument(fmt::format("{}; or {}", error.what(), kCollectiveX));
    }
}

void spread_loads(const Case& params, const Options& options, std::vector<Case>& cases) {
    const bool first_phase = !params.phase || *params.phase == options.phases.front();
    for (const auto& load : options.loads) {
        if (load.mixed() && !first_phase) continue;
        cases.push_back(params);
        cases.back().load = load;
        if (load.mixed()) cases.back().phase = StepPhase::mixed;
    }
}

void spread_tokens(const Case& params, const Options& options, std::vector<Case>& cases) {
    if (params.load.mixed()) {
        cases.push_back(params);
        cases.back().tokens = params.load.mixed_tokens(params.dp);
        return;
    }
    for (const auto tokens : tokens_of(params, options)) {
        cases.push_back(params);
        cases.back().tokens = tokens;
    }
}

double count_steps(const Options& options) {
    const auto size = [](auto count) { return static_cast<double>(count); };
    const auto mixed = size(std::ranges::count_if(options.loads, &Load::mixed));
    const auto with_phase = options.graph_sizes.given()
                                ? size(options.paddings.size())
                                : size(std::ranges::count_if(options.paddings, asks_for_phase));
    const auto paddings = size(options.paddings.size());
    const auto of_load = with_phase * count_tokens(options, true) +
                         (paddings - with_phase) * count_tokens(options, false);
    return of_load * (size(options.loads.size()) - mixed) + paddings * mixed;
}

}  // namespace moe
