// Any command line is either refused in one line, or becomes options and cases that hold what
// their headers promise. Every other exception ends the fuzzer, and so does a broken promise.
//
// Input: a byte for the number of ranks (A is 1, B is 2, D is 4, H is 8, @ is 64), then arguments,
// separated by NUL if there is one, otherwise by newlines.
#include "bench/moe/load.hpp"
#include "bench/sweep/case_texts.hpp"
#include "bench/sweep/cases.hpp"
#include "bench/sweep/options.hpp"
#include "tests/fuzz/complaint.hpp"

#include <algorithm>
#include <cmath>
#include <cstdint>
#include <numeric>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

namespace moe {
namespace {

constexpr int kMaxRanks = 64;
/// Sweeps above it are legitimate, but take longer to look at than is good for a fuzzer.
constexpr double kMaxCasesLookedAt = 300;

std::vector<std::string> split_arguments(std::string_view text) {
    const char separator = text.find('\0') == std::string_view::npos ? '\n' : '\0';
    std::vector<std::string> arguments{"bench_moe_comm"};
    while (!text.empty()) {
        const auto end = std::min(text.find(separator), text.size());
        arguments.emplace_back(text.substr(0, end));
        text.remove_prefix(std::min(end + 1, text.size()));
    }
    return arguments;
}

/// Nothing if the command line was refused, as it should be.
std::optional<ParsedCommandLine> parse(const std::vector<std::string>& arguments) {
    std::vector<const char*> argv;
    for (const auto& argument : arguments) argv.push_back(argument.c_str());
    try {
        return parse_command_line(static_cast<int>(argv.size()), argv.data());
    } catch (const BadArgument& error) {
        check_complaint(error);
        return std::nullopt;
    }
}

template <class T>
void check_list(std::vector<T> list, bool may_be_empty) {
    MOE_EXPECT(may_be_empty || !list.empty(), "an empty list");
    std::sort(list.begin(), list.end());
    MOE_EXPECT(std::adjacent_find(list.begin(), list.end()) == list.end(), "twice in a list");
}

void check_numbers(const std::vector<std::int64_t>& list, std::int64_t least, bool may_be_empty) {
    check_list(list, may_be_empty);
    MOE_EXPECT(std::all_of(list.begin(), list.end(), [&](auto n) { return n >= least; }),
               "a number that is too small");
}

std::vector<std::string> texts_of(const std::vector<Load>& loads) {
    std::vector<std::string> texts;
    for (const auto& load : loads) texts.push_back(load.text());
    return texts;
}

void check_lists(const Options& options) {
    check_list(options.models, false);
    check_list(texts_of(options.loads), false);
    check_list(options.routings, false);
    check_list(options.paddings, false);
    check_list(options.phases, false);
    check_list(options.gathers, false);
    check_list(options.dtypes, false);
    check_list(options.caches, false);
    check_list(options.epilogues, false);
    check_list(options.besides, false);
    check_numbers(options.tokens, 0, options.collectivex_tokens);
    check_numbers(options.skews_us, 0, false);
    check_numbers(options.hidden, 1, true);
    check_numbers(options.dp, 1, true);
    check_numbers(options.ep, 1, true);
    MOE_EXPECT(!options.all_dp || options.dp.empty(), "all, and a list");
    MOE_EXPECT(!options.all_ep || options.ep.empty(), "all, and a list");
}

void check_combines(const Options& options) {
    const auto is_baseline = [&](const auto* entry) { return options.is_baseline(*entry); };
    const auto& chosen = options.combines;
    check_list(chosen, false);
    MOE_EXPECT(options.settings.at("--baseline") == chosen.front()->name,
               "another baseline comes first");
    MOE_EXPECT(std::count_if(chosen.begin(), chosen.end(), is_baseline) == 1, "not one baseline");
}

void check_slowdowns(const Options& options) {
    std::vector<const CombineEntry*> planted;
    for (const auto& [entry, pct] : options.slowdowns) {
        MOE_EXPECT(std::isfinite(pct) && pct > 0, "no slow-down");
        MOE_EXPECT(options.slowdown_pct(*entry) == pct, "another slow-down");
        MOE_EXPECT(std::find(options.combines.begin(), options.combines.end(), entry) !=
                       options.combines.end(),
                   "slows down what does not run");
        planted.push_back(entry);
    }
    check_list(planted, true);
    const bool cold = std::find(options.caches.begin(), options.caches.end(), Cache::cold) !=
                      options.caches.end();
    MOE_EXPECT(!cold || options.mode == Mode::isolated, "cold, and back to back");
}

void check_single_values(const Options& options) {
    for (const auto& size : {options.experts, options.top_k, options.intermediate}) {
        MOE_EXPECT(size.value_or(1) >= 1, "a size below 1");
    }
    MOE_EXPECT(options.shared_intermediate.value_or(0) >= 0, "a size below 0");
    MOE_EXPECT(options.layers >= 1, "a step without a layer");
    MOE_EXPECT(options.scale_experts >= 1 && options.min_samples >= 1 && options.seed >= 0,
               "out of its limits");
    MOE_EXPECT(std::isfinite(options.ci_pct) && options.ci_pct > 0, "no percentage");
    MOE_EXPECT(std::isfinite(options.budget_seconds) && options.budget_seconds > 0, "no time");
}

std::size_t sizes_of(bool all, const std::vector<std::int64_t>& given, int ranks) {
    if (!all) return std::max<std::size_t>(given.size(), 1);
    std::size_t divisors = 0;
    for (int d = 1; d <= ranks; ++d) divisors += ranks % d == 0 ? 1 : 0;
    return divisors;
}

/// Points of CollectiveX's ladders: ten of decode, four of prefill.
std::size_t ladder_of(const std::vector<StepPhase>& phases) {
    std::size_t count = 0;
    for (const auto phase : phases) count += phase == StepPhase::decode ? 10 : 4;
    return count;
}

/// For each padding and load a case for each of its tokens and, where the padding asks for it,
/// phase; but one for a mixed load.
double count_steps(const Options& options) {
    std::size_t count = 0;
    for (const auto& padding : options.paddings) {
        for (const auto& load : options.loads) {
            const auto phases = asks_for_phase(padding) ? options.phases.size() : 1;
            const auto tokens = options.collectivex_tokens ? ladder_of(options.phases)
                                                           : phases * options.tokens.size();
            count += load.mixed() ? 1 : tokens;
        }
    }
    return static_cast<double>(count);
}

/// How many cases the options ask for, worked out apart from expand_cases.
double count_of(const Options& options, int ranks) {
    const auto size = [](const auto& list) { return static_cast<double>(list.size()); };
    return size(options.models) * std::max(size(options.hidden), 1.0) *
           static_cast<double>(sizes_of(options.all_dp, options.dp, ranks)) *
           static_cast<double>(sizes_of(options.all_ep, options.ep, ranks)) * size(options.dtypes) *
           size(options.gathers) * size(options.graphs) * size(options.skews_us) *
           size(options.sms) * size(options.caches) * size(options.epilogues) *
           size(options.besides) * size(options.routings) * count_steps(options);
}

/// Nothing if the options were refused, as they should be.
std::optional<std::vector<Case>> expand(const Options& options, int ranks) {
    try {
        return expand_cases(options, ranks);
    } catch (const BadArgument& error) {
        check_complaint(error);
        return std::nullopt;
    }
}

void check_shape_of(const Case& params) {
    const auto& shape = params.shape;
    MOE_EXPECT(shape.hidden >= 1 && shape.intermediate >= 1, "a layer without a size");
    MOE_EXPECT(shape.top_k >= 1 && shape.top_k <= shape.experts, "no top-k of these experts");
    MOE_EXPECT(shape.shared_intermediate >= 0, "a shared expert of negative size");
    MOE_EXPECT(!shape.shared_gate || shape.shared_intermediate > 0, "a gate of nothing");
}

void check_dealt(const Case& params, int ranks) {
    const auto& load = params.load;
    const auto dp = static_cast<int>(params.dp);
    if (ranks % dp != 0 || !load.obstacle(dp).empty()) return;
    const auto dealt = load.deal(params.tokens, dp);
    MOE_EXPECT(dealt.size() == static_cast<std::size_t>(dp), "not one number for each rank");
    MOE_EXPECT(std::all_of(dealt.begin(), dealt.end(), [](auto n) { return n >= 0; }),
               "a rank with less than nothing");
    MOE_EXPECT(std::accumulate(dealt.begin(), dealt.end(), std::int64_t{0}) == params.tokens,
               "tokens lost or invented");
}

std::vector<std::string> ids_of(const std::vector<Case>& cases) {
    std::vector<std::string> ids;
    for (const auto& params : cases) ids.push_back(case_id(params, "fuzz"));
    return ids;
}

void check_cases(const Options& options, int ranks) {
    const auto count = count_of(options, ranks);
    if (count > kMaxCasesLookedAt && count <= kMaxCases) return;
    const auto cases = expand(options, ranks);
    if (!cases) return;
    MOE_EXPECT(static_cast<double>(cases->size()) == count, "not the product of the lists");
    for (const auto& params : *cases) {
        check_shape_of(params);
        check_dealt(params, ranks);
    }
    const auto ids = ids_of(*cases);
    check_list(ids, false);
    MOE_EXPECT(ids_of(expand_cases(options, ranks)) == ids, "another sweep the second time");
}

void check_command_line(int ranks, const std::vector<std::string>& arguments) {
    const auto parsed = parse(arguments);
    if (!parsed) return;
    if (parsed->print) {
        MOE_EXPECT(!parsed->print->text.empty(), "nothing to print");
        return;
    }
    MOE_EXPECT(parsed->options.command_line == arguments, "another command line");
    check_lists(parsed->options);
    check_combines(parsed->options);
    check_slowdowns(parsed->options);
    check_single_values(parsed->options);
    check_cases(parsed->options, ranks);
}

}  // namespace
}  // namespace moe

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
    if (size == 0) return 0;
    const int left = data[0] % moe::kMaxRanks;
    const std::string text(data + 1, data + size);
    moe::check_command_line(left == 0 ? moe::kMaxRanks : left, moe::split_arguments(text));
    return 0;
}
