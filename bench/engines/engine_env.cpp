#include "bench/engines/engine_env.hpp"

#include "kernels/runtime/error.hpp"

#include <fmt/format.h>
#include <fmt/ranges.h>

#include <cstdlib>
#include <vector>

namespace moe {
namespace {

/// NAME=VALUE, NAME=VALUE
std::string joined(const std::map<std::string, std::string>& variables) {
    std::vector<std::string> parts;
    for (const auto& [name, value] : variables) parts.push_back(fmt::format("{}={}", name, value));
    return fmt::format("{}", fmt::join(parts, ", "));
}

}  // namespace

EngineEnv set_engine_env(const EngineRules& rules) {
    MOE_EXPECT(rules.nccl.has_value(), "the engine's variables are known");
    EngineEnv env{.engine = rules.name, .set = {}, .kept = {}};
    for (const auto& [name, value] : *rules.nccl) {
        // NOLINTBEGIN(concurrency-mt-unsafe): only the main thread reads and sets variables
        if (const char* users = std::getenv(name.c_str())) {
            env.kept[name] = users;
        } else {
            MOE_EXPECT(setenv(name.c_str(), value.c_str(), 0) == 0, "the environment has room");
            env.set[name] = value;
        }
        // NOLINTEND(concurrency-mt-unsafe)
    }
    return env;
}

std::string to_string(const EngineEnv& env) {
    auto text = fmt::format("NCCL variables of {}: {}", env.engine,
                            env.set.empty() ? "none set" : "set " + joined(env.set));
    if (!env.kept.empty()) text += fmt::format("; kept as you have them: {}", joined(env.kept));
    return text;
}

std::string_view nvls_state(const char* value) {
    const std::string_view text = value == nullptr ? "" : value;
    if (text == "0") return "off";
    return text == "1" ? "on" : "unknown";
}

}  // namespace moe
