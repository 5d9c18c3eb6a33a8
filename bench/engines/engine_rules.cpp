#include "bench/engines/engine_rules.hpp"

#include "bench/engines/engine_files.hpp"
#include "bench/engines/parse_rules.hpp"
#include "comm/named_table.hpp"

namespace moe {
namespace {

const EngineRules* newest_of(std::string_view engine) {
    const EngineRules* newest = nullptr;
    for (const auto& rules : engine_rules()) {
        if (rules.engine == engine) newest = &rules;
    }
    return newest;
}

}  // namespace

const std::vector<EngineRules>& engine_rules() {
    static const auto kRules = [] {
        std::vector<EngineRules> rules;
        for (const auto& file : engine_files()) {
            rules.push_back(parse_engine_rules(file.name, file.text));
        }
        return rules;
    }();
    return kRules;
}

const EngineRules& find_engine_rules(std::string_view name) {
    if (const auto* newest = newest_of(name)) return *newest;
    return find_named(engine_rules(), name, "engine");
}

bool is_newest(const EngineRules& rules) {
    return newest_of(rules.engine) == &rules;
}

}  // namespace moe
