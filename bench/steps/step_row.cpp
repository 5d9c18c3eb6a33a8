#include "bench/steps/step_row.hpp"

#include "bench/steps/whole_number.hpp"
#include "bench/sweep/axis_values.hpp"
#include "bench/sweep/option_values.hpp"
#include "kernels/runtime/error.hpp"

#include <fmt/format.h>

#include <algorithm>
#include <numeric>
#include <vector>

namespace moe {
namespace {

constexpr std::array kEngines{Word<Engine>{"sglang", Engine::sglang},
                              Word<Engine>{"vllm", Engine::vllm},
                              Word<Engine>{"tensorrt-llm", Engine::tensorrt_llm}};

/// What a DP rank's number counts.
enum class Unit : std::uint8_t { tokens, requests };
constexpr std::array kUnits{Word<Unit>{"tokens", Unit::tokens},
                            Word<Unit>{"requests", Unit::requests}};

constexpr Limits kTokens{0, kMaxStepTokens}, kSpecWidths{1, 1024}, kCounts{1, 1'000'000'000'000};

/// Calls `use` with each part of a;b;c.
template <class Use>
void for_each_part(std::string_view list, Use&& use) {
    for (bool more = true; more;) {
        const auto end = std::min(list.find(';'), list.size());
        use(list.substr(0, end));
        more = end < list.size();
        list.remove_prefix(more ? end + 1 : end);
    }
}

std::vector<std::int64_t> parse_counts(std::string_view text) {
    if (text.empty()) {
        throw BadArgument(
            "tokens_per_rank is empty: a number for each DP rank is wanted, as in "
            "8;7;6;0");
    }
    std::vector<std::int64_t> counts;
    for_each_part(text, [&](auto part) {
        counts.push_back(parse_whole_number("tokens_per_rank", part, kTokens));
    });
    return counts;
}

/// One for all ranks, or one for each.
std::vector<Unit> parse_units(std::string_view text, std::size_t ranks) {
    if (text.empty()) return std::vector<Unit>(ranks, Unit::tokens);
    std::vector<Unit> units;
    for_each_part(text, [&](auto part) { units.push_back(parse_word("unit", part, kUnits)); });
    if (units.size() == 1) return std::vector<Unit>(ranks, units.front());
    if (units.size() == ranks) return units;
    throw BadArgument(
        fmt::format("unit '{}': one for all {} DP ranks is wanted, or one for each", text, ranks));
}

std::optional<std::int64_t> parse_optional(std::string_view name, const std::string& text,
                                           Limits limits) {
    return text.empty() ? std::nullopt : std::optional(parse_whole_number(name, text, limits));
}

std::vector<std::int64_t> parse_tokens(const StepTexts& texts) {
    auto tokens = parse_counts(text_of(texts, StepField::tokens_per_rank));
    const auto units = parse_units(text_of(texts, StepField::unit), tokens.size());
    const auto width =
        parse_optional("spec_width", text_of(texts, StepField::spec_width), kSpecWidths);
    for (std::size_t rank = 0; rank < tokens.size(); ++rank) {
        if (units[rank] == Unit::tokens) continue;
        if (!width) {
            throw BadArgument(
                "spec_width is empty: with unit requests, the tokens that a request "
                "brings are wanted");
        }
        tokens[rank] *= *width;
    }
    const auto sum = std::accumulate(tokens.begin(), tokens.end(), std::int64_t{0});
    if (sum <= kMaxStepTokens) return tokens;
    throw BadArgument(
        fmt::format("tokens_per_rank: {} tokens; a step has at most {}", sum, kMaxStepTokens));
}

}  // namespace

std::optional<StepField> find_step_field(std::string_view name) {
    const auto* const found = std::ranges::find(kStepFields, name);
    if (found == kStepFields.end()) return std::nullopt;
    return static_cast<StepField>(found - kStepFields.begin());
}

Step parse_step(const StepTexts& texts, std::optional<std::int64_t> dp) {
    const auto text = [&](StepField field) -> const auto& {
        return text_of(texts, field);
    };
    Step step;
    const auto& engine = text(StepField::engine);
    if (!engine.empty()) step.engine = parse_word("engine", engine, kEngines);
    const auto& phase = text(StepField::phase);
    if (!phase.empty()) step.phase = parse_phase("phase", phase);
    step.graph_rows = parse_optional("graph_rows", text(StepField::graph_rows), kTokens);
    step.tokens = parse_tokens(texts);
    const auto ranks = static_cast<std::int64_t>(step.tokens.size());
    if (dp && ranks != *dp) {
        throw BadArgument(fmt::format("tokens_per_rank '{}': {} numbers; dp is {}",
                                      text(StepField::tokens_per_rank), ranks, *dp));
    }
    const auto most = *std::ranges::max_element(step.tokens);
    if (step.graph_rows > 0 && most > *step.graph_rows) {
        throw BadArgument(
            fmt::format("graph_rows {}: a rank has {} tokens, more than the graph has rows; 0 is "
                        "no graph",
                        *step.graph_rows, most));
    }
    step.count = parse_optional("count", text(StepField::count), kCounts).value_or(1);
    const auto& us = text(StepField::step_us);
    if (!us.empty()) step.us = parse_positive("step_us", us);
    return step;
}

}  // namespace moe
