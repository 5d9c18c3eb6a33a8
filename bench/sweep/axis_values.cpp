#include "bench/sweep/axis_values.hpp"

#include "bench/sweep/option_values.hpp"
#include "comm/named_table.hpp"

#include <array>

namespace moe {
namespace {

constexpr std::array kScopes{Word<Scope>{"layer", Scope::layer},
                             Word<Scope>{"output", Scope::output}};

enum class Graphs : std::uint8_t { off, on, both };
constexpr std::array kGraphs{Word<Graphs>{"off", Graphs::off}, Word<Graphs>{"on", Graphs::on},
                             Word<Graphs>{"both", Graphs::both}};

constexpr std::array kCaches{Word<Cache>{"warm", Cache::warm}, Word<Cache>{"cold", Cache::cold}};

constexpr std::array kEpilogues{Word<Epilogue>{"none", Epilogue::none},
                                Word<Epilogue>{"residual_norm", Epilogue::residual_norm}};
constexpr std::array kBesides{Word<Beside>{"none", Beside::none},
                              Word<Beside>{"gemm", Beside::gemm}};

/// The fixed ones, and each engine's whose rule is known: by its name the newest, and each release.
std::vector<Word<PaddingRule>> padding_words() {
    std::vector<Word<PaddingRule>> words{{"sum_len", Padding::sum_len},
                                         {"max_len", Padding::max_len}};
    std::string_view engine;
    for (const auto& rules : engine_rules()) {
        if (!rules.padding) continue;
        if (rules.engine != engine)
            words.push_back({rules.engine, &find_engine_rules(rules.engine)});
        engine = rules.engine;
        words.push_back({rules.padding_name, &rules});
    }
    return words;
}

constexpr std::array kPhases{Word<StepPhase>{"prefill", StepPhase::prefill},
                             Word<StepPhase>{"decode", StepPhase::decode},
                             Word<StepPhase>{"mixed", StepPhase::mixed}};

}  // namespace

std::vector<const ModelPreset*> parse_models(std::string_view option, const std::string& text) {
    return parse_list(option, text,
                      [](auto name) { return &find_named(model_table(), name, "model"); });
}

Scoring parse_scoring(std::string_view /*option*/, const std::string& text) {
    return find_named(scorings(), text, "scoring").scoring;
}

std::vector<DType> parse_dtypes(std::string_view option, const std::string& text) {
    return parse_list(option, text,
                      [](auto name) { return find_named(dtypes(), name, "dtype").dtype; });
}

std::vector<const GatherEntry*> parse_gathers(std::string_view option, const std::string& text) {
    const auto table = gather_table();
    if (text == "all") return {table.begin(), table.end()};
    return parse_list(option, text, [&](auto name) { return &find_named(table, name, "gather"); });
}

std::vector<bool> parse_graphs(std::string_view option, const std::string& text) {
    const auto graphs = parse_word(option, text, kGraphs);
    if (graphs == Graphs::both) return {false, true};
    return {graphs == Graphs::on};
}

std::vector<Cache> parse_caches(std::string_view option, const std::string& text) {
    return parse_list(option, text, [&](auto word) { return parse_word(option, word, kCaches); });
}

std::vector<Epilogue> parse_epilogues(std::string_view option, const std::string& text) {
    return parse_list(option, text,
                      [&](auto word) { return parse_word(option, word, kEpilogues); });
}

std::vector<Beside> parse_besides(std::string_view option, const std::string& text) {
    return parse_list(option, text, [&](auto word) { return parse_word(option, word, kBesides); });
}

std::vector<PaddingRule> parse_paddings(std::string_view option, const std::string& text) {
    static const auto kPaddings = padding_words();
    return parse_list(option, text, [&](auto word) { return parse_word(option, word, kPaddings); });
}

StepPhase parse_phase(std::string_view option, std::string_view text) {
    return parse_word(option, text, kPhases);
}

std::vector<StepPhase> parse_phases(std::string_view option, const std::string& text) {
    return parse_list(option, text, [&](auto word) { return parse_phase(option, word); });
}

std::vector<double> parse_routings(std::string_view option, const std::string& text) {
    return parse_list(option, text, parse_routing);
}

std::vector<Load> parse_loads(std::string_view option, const std::string& text) {
    return parse_list(option, text, [](auto part) { return Load(part); });
}

Scope parse_scope(std::string_view option, const std::string& text) {
    return parse_word(option, text, kScopes);
}

}  // namespace moe
