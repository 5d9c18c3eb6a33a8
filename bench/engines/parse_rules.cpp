#include "bench/engines/parse_rules.hpp"

#include "kernels/runtime/error.hpp"

#include <fmt/format.h>
#include <nlohmann/json.hpp>

#include <array>
#include <utility>

namespace moe {
namespace {

using nlohmann::json;

template <class T>
using Words = std::initializer_list<std::pair<std::string_view, T>>;

/// The value that a word stands for, of those that there are.
template <class T>
T value_of(const json& word, const Words<T>& words) {
    const auto text = word.get<std::string>();
    for (const auto& [known, value] : words) {
        if (known == text) return value;
    }
    throw Error(fmt::format("'{}' is no word of these files", text));
}

GateCondition gate_condition(const json& word) {
    return value_of<GateCondition>(word, {{"several_dp_ranks", GateCondition::several_dp_ranks},
                                          {"ep_is_dp", GateCondition::ep_is_dp},
                                          {"every_rank_is_dp", GateCondition::every_rank_is_dp}});
}

StepFact step_fact(const json& word) {
    return value_of<StepFact>(word, {{"any_prefill", StepFact::any_prefill},
                                     {"in_graph", StepFact::in_graph},
                                     {"no_rank_idle", StepFact::no_rank_idle},
                                     {"fits_own_all_reduce", StepFact::fits_own_all_reduce},
                                     {"at_most_doubles_rows", StepFact::at_most_doubles_rows},
                                     {"max_len", StepFact::max_len},
                                     {"gate_open", StepFact::gate_open}});
}

Padding padding(const json& word) {
    return value_of<Padding>(word, {{to_string(Padding::sum_len), Padding::sum_len},
                                    {to_string(Padding::max_len), Padding::max_len}});
}

std::string text(const json& word) {
    return word.get<std::string>();
}

/// Each of a list.
template <class Parse>
auto each(const json& list, Parse&& parse) {
    std::vector<decltype(parse(list))> values;
    for (const auto& item : list) values.push_back(parse(item));
    return values;
}

template <class Parse>
auto choices(const json& list, Parse&& parse) {
    Choices<decltype(parse(list))> rule;
    for (const auto& item : list) {
        auto& choice = rule.emplace_back();
        choice.take = parse(item.at("take"));
        if (!item.contains("when")) continue;
        for (const auto& word : item.at("when")) choice.when.set(step_fact(word));
    }
    return rule;
}

CapturedSizes captured_sizes(const json& section) {
    CapturedSizes sizes;
    for (const auto& range : section.at("ranges")) {
        const auto [first, last, step] = range.get<std::array<std::int64_t, 3>>();
        for (auto rows = first; rows <= last; rows += step) sizes.rows.push_back(rows);
    }
    sizes.largest = each(section.at("largest"), [](const json& item) {
        return CapturedSizes::Largest{item.at("from_ranks"), item.at("rows")};
    });
    return sizes;
}

EngineFlag flag(const json& section) {
    EngineFlag parsed{.name = section.at("name"),
                      .default_value = section.at("default"),
                      .gather = choices(section.at("gather"), text),
                      .combine = {},
                      .deterministic = {}};
    for (const auto& [value, rule] : section.at("combine").items()) {
        parsed.combine[value] = choices(rule, text);
    }
    const auto& deterministic = section.at("deterministic");
    if (!deterministic.is_null()) parsed.deterministic = deterministic;
    return parsed;
}

AllReduceLimits limits(const json& list) {
    const auto [push, one_shot, two_shot] = list.get<std::array<std::int64_t, 3>>();
    return {push, one_shot, two_shot};
}

OwnAllReduce own_all_reduce(const json& section) {
    OwnAllReduce parsed{.largest = section.at("largest"), .by_ranks = {}};
    for (const auto& item : section.at("by_ranks")) {
        parsed.by_ranks[item.at("ranks")] = {limits(item.at("graph")), limits(item.at("eager"))};
    }
    return parsed;
}

/// A section, unless the file says that it could not be confirmed: `key` of it is null.
template <class Parse>
auto known(const json& file, const char* section, const char* key, Parse&& parse) {
    const auto& found = file.at(section);
    static_cast<void>(found.at("source"));
    static_cast<void>(found.at("note"));
    std::optional<decltype(parse(found))> parsed;
    if (!found.at(key).is_null()) parsed = parse(found);
    return parsed;
}

EngineRules parse(const json& file) {
    EngineRules rules;
    rules.engine = file.at("engine");
    rules.name = rules.padding_name = rules.engine;
    if (const auto& version = file.at("version"); !version.is_null()) {
        const auto release = version.get<std::string>();
        rules.name = fmt::format("{}-{}", rules.engine, release);
        rules.padding_name = fmt::format("{}:{}", rules.engine, release);
    }
    rules.gate = known(file, "gate", "all_of", [](const json& section) {
        return each(section.at("all_of"), gate_condition);
    });
    rules.padding = known(file, "padding", "choices", [](const json& section) {
        return choices(section.at("choices"), padding);
    });
    rules.graphs = known(file, "graphs", "ranges", captured_sizes);
    rules.flag = known(file, "flag", "combine", flag);
    rules.all_reduce = known(file, "all_reduce", "by_ranks", own_all_reduce);
    rules.nccl = known(file, "nccl", "variables", [](const json& section) {
        return section.at("variables").get<std::map<std::string, std::string>>();
    });
    return rules;
}

}  // namespace

EngineRules parse_engine_rules(std::string_view name, std::string_view text) {
    try {
        auto rules = parse(json::parse(text));
        if (rules.name != name) throw Error(fmt::format("it is about {}", rules.name));
        return rules;
    } catch (const std::exception& error) {
        throw Error(fmt::format("rules of {}: {}", name, error.what()));
    }
}

}  // namespace moe
