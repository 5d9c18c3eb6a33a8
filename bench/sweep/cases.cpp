#include "bench/sweep/cases.hpp"

#include "bench/measure/shuffle.hpp"
#include "comm/named_table.hpp"

#include <fmt/format.h>

#include <algorithm>
#include <iterator>
#include <map>
#include <random>

namespace moe {
namespace {

std::vector<std::int64_t> divisors(int ranks) {
    std::vector<std::int64_t> list;
    for (int d = 1; d <= ranks; ++d) {
        if (ranks % d == 0) list.push_back(d);
    }
    return list;
}

std::vector<std::int64_t> sizes(bool all, const std::vector<std::int64_t>& given, int ranks) {
    if (all) return divisors(ranks);
    return given.empty() ? std::vector<std::int64_t>{ranks} : given;
}

LayerShape overridden(const ModelPreset& preset, std::int64_t hidden, const Options& o) {
    auto shape = preset.shape;
    shape.hidden = hidden;
    shape.experts = o.experts.value_or(shape.experts);
    shape.top_k = static_cast<int>(o.top_k.value_or(shape.top_k));
    shape.intermediate = o.intermediate.value_or(shape.intermediate);
    shape.shared_intermediate = o.shared_intermediate.value_or(shape.shared_intermediate);
    const bool shared = shape.shared_intermediate > 0;
    if (o.shared_gate && !shared) {
        throw BadArgument(fmt::format(
            "--shared-gate: {} has no shared expert here; --shared-intermediate N gives it one",
            preset.name));
    }
    shape.shared_gate = shared && (shape.shared_gate || o.shared_gate);
    shape.scoring = o.scoring.value_or(shape.scoring);
    check_shape(shape);
    return scale_experts(shape, o.scale_experts);
}

Case case_of(const std::string& model, const LayerShape& shape, const Options& o) {
    Case one;
    one.model = model;
    one.hidden = shape.hidden;
    one.experts = shape.experts;
    one.top_k = shape.top_k;
    one.intermediate = shape.intermediate;
    one.shared_intermediate = shape.shared_intermediate;
    one.scale_experts = o.scale_experts;
    one.scoring = shape.scoring;
    one.shared_gate = shape.shared_gate;
    one.scope = o.layer_scope ? "layer" : "output";
    one.layers = o.layers;
    one.seed = o.seed;
    return one;
}

/// SGLang's rules for padding ask for the phase, the others do not.
std::vector<Case> with_phases(const std::vector<Case>& cases,
                              const std::vector<std::string>& phases) {
    std::vector<Case> result;
    for (const auto& one : cases) {
        if (is_sglang(one.padding)) {
            std::ranges::move(along({one}, &Case::phase, phases), std::back_inserter(result));
        } else {
            result.push_back(one);
        }
    }
    return result;
}

/// Loads, and of each its tokens. A mixed load says itself how many there are and what the step
/// does: it makes one case where others make one for each number of tokens and phase.
std::vector<Case> with_loads(const std::vector<Case>& cases, const Options& o) {
    std::vector<Case> result;
    for (auto& one : along(cases, &Case::load, o.loads)) {
        const Load load(one.load);
        if (!load.mixed()) {
            std::ranges::move(along({one}, &Case::tokens, o.tokens), std::back_inserter(result));
        } else if (one.phase.empty() || one.phase == o.phases.front()) {
            one.phase = kMixedStep;
            one.tokens = load.mixed_tokens(one.dp);
            result.push_back(one);
        }
    }
    return result;
}

/// Combinations of padding, phase, load and tokens.
double count_steps(const Options& o) {
    const auto size = [](auto count) { return static_cast<double>(count); };
    const auto mixed =
        size(std::ranges::count_if(o.loads, [](const auto& load) { return Load(load).mixed(); }));
    const auto sglang = size(std::ranges::count_if(o.paddings, is_sglang));
    const auto phases = size(o.paddings.size()) - sglang + sglang * size(o.phases.size());
    return phases * (size(o.loads.size()) - mixed) * size(o.tokens.size()) +
           size(o.paddings.size()) * mixed;
}

/// A double: the product of lists that are each within their limits may not fit in 64 bits.
double count_cases(const Options& o, std::size_t dp, std::size_t ep) {
    double count = count_steps(o);
    for (const auto size :
         {o.models.size(), std::max<std::size_t>(o.hidden.size(), 1), dp, ep, o.dtypes.size(),
          o.gathers.size(), o.graphs.size(), o.skews_us.size(), o.sms.size(), o.routings.size()}) {
        count *= static_cast<double>(size);
    }
    return count;
}

/// Before any list is multiplied out.
void check_count(double cases) {
    if (cases <= kMostCases) return;
    throw BadArgument(fmt::format("the lists make {:.15g} cases; one sweep has at most {:.15g}",
                                  cases, kMostCases));
}

}  // namespace

std::vector<Case> expand_cases(const Options& o, int ranks) {
    const auto dp = sizes(o.all_dp, o.dp, ranks);
    const auto ep = sizes(o.all_ep, o.ep, ranks);
    check_count(count_cases(o, dp.size(), ep.size()));
    for (const auto& text : o.loads) {
        const Load load(text);
        const auto fits = [&](auto size) { return load.obstacle(static_cast<int>(size)).empty(); };
        if (std::none_of(dp.begin(), dp.end(), fits)) {
            throw BadArgument(fmt::format("--load: {}", load.obstacle(static_cast<int>(dp[0]))));
        }
    }
    std::vector<Case> cases;
    for (const auto& model : o.models) {
        const auto& preset = find_named(model_table(), model, "model");
        const auto hidden =
            o.hidden.empty() ? std::vector<std::int64_t>{preset.shape.hidden} : o.hidden;
        for (const auto h : hidden) cases.push_back(case_of(model, overridden(preset, h, o), o));
    }
    cases = along(cases, &Case::dp, dp);
    cases = along(cases, &Case::ep, ep);
    cases = along(cases, &Case::dtype, o.dtypes);
    cases = along(cases, &Case::gather, o.gathers);
    cases = along(cases, &Case::graph, o.graphs);
    cases = along(cases, &Case::skew_us, o.skews_us);
    cases = along(cases, &Case::sms, o.sms);
    cases = with_phases(along(cases, &Case::padding, o.paddings), o.phases);
    cases = along(cases, &Case::routing, o.routings);
    return with_loads(cases, o);
}

std::string weights_key(const Case& one) {
    auto same = one;
    same.tokens = 0;
    same.load = same.gather = same.padding = same.phase = same.scope = "";
    same.graph = "off";
    same.dp = same.skew_us = same.sms = 0;
    return case_id(same, "weights");
}

std::vector<Case> in_launch_order(std::vector<Case> cases, int launch) {
    if (launch == 1) return cases;
    std::mt19937_64 random(static_cast<std::uint64_t>(launch));
    shuffle(cases, random);
    // Groups in the order in which the shuffled list names them first.
    std::map<std::string, std::size_t> place;
    for (const auto& one : cases) place.try_emplace(weights_key(one), place.size());
    std::ranges::stable_sort(cases, {}, [&](const Case& one) { return place[weights_key(one)]; });
    return cases;
}

std::string label_of(const Case& one) {
    auto text = fmt::format("{} H {} dp {} ep {} {} {}", one.model, one.hidden, one.dp, one.ep,
                            to_string(one.dtype), one.gather);
    if (one.padding != "sum_len") text += " " + one.padding;
    // A mixed load says it.
    if (!one.phase.empty() && !Load(one.load).mixed()) text += " " + one.phase;
    if (one.routing != "uniform") text += " experts " + one.routing;
    if (one.layers > 1) text += fmt::format(" {} layers", one.layers);
    if (one.graph != "off") text += " graph";
    if (one.skew_us != 0) text += fmt::format(" skew {} us", one.skew_us);
    if (one.sms != 0) text += fmt::format(" {} SMs", one.sms);
    return text + fmt::format(" {}: {} tokens", one.load, one.tokens);
}

LayerShape shape_of(const Case& one) {
    return {one.hidden,
            one.experts,
            static_cast<int>(one.top_k),
            one.intermediate,
            one.shared_intermediate,
            one.scoring,
            one.shared_gate,
            parse_routing(one.routing)};
}

}  // namespace moe
