#include "bench/moe/engine_padding.hpp"

#include "kernels/runtime/error.hpp"

#include <algorithm>
#include <numeric>

namespace moe {
namespace {

/// What the rules may ask about a step that brings these rows before any rank is padded to another.
StepFacts facts_of(const EngineRules& rules, const EngineStep& step,
                   std::span<const std::int64_t> rows) {
    const auto sum = std::accumulate(rows.begin(), rows.end(), std::int64_t{0});
    const auto padded = *std::ranges::max_element(rows) * static_cast<std::int64_t>(rows.size());
    StepFacts facts;
    facts.set(StepFact::any_prefill, step.phase != StepPhase::decode);
    facts.set(StepFact::in_graph, step.graph);
    facts.set(StepFact::no_rank_idle, std::ranges::find(rows, 0) == rows.end());
    facts.set(StepFact::fits_own_all_reduce,
              rules.all_reduce && sum <= rules.all_reduce->largest / step.row_bytes);
    facts.set(StepFact::at_most_doubles_rows, 2 * sum >= padded);
    return facts;
}

}  // namespace

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

bool padding_asks_for_phase(const EngineRules& rules) {
    return rules.padding && std::ranges::any_of(*rules.padding, [](const auto& choice) {
               return choice.when.has(StepFact::any_prefill);
           });
}

Padding engine_padding(const EngineRules& rules, const EngineStep& step,
                       std::span<const std::int64_t> tokens_by_dp, int attn_tp) {
    MOE_EXPECT(rules.padding.has_value(), "the engine's rule for padding is known");
    const auto rows = padded_tokens(tokens_by_dp, attn_tp, Padding::sum_len);
    const auto* padding = chosen(*rules.padding, facts_of(rules, step, rows));
    MOE_EXPECT(padding != nullptr, "the last choice of a rule for padding asks for nothing");
    return *padding;
}

}  // namespace moe
