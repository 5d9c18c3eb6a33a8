#pragma once

#include "bench/engines/engine_rules.hpp"

#include <map>
#include <string>
#include <string_view>

namespace moe {

/// The NCCL variables of an engine, by what became of them in this process.
struct EngineEnv {
    std::string engine;                       ///< sglang-0.5.23
    std::map<std::string, std::string> set;   ///< as the engine sets them
    std::map<std::string, std::string> kept;  ///< as the user had set them before
};

/// Sets the variables that the engine sets, but never one that the user has set. To be called
/// before NCCL starts, which reads them once. Of an engine whose variables are known.
[[nodiscard]] EngineEnv set_engine_env(const EngineRules& rules);

/// One line that says what was set and what was kept.
[[nodiscard]] std::string to_string(const EngineEnv& env);

/// What a value of NCCL_NVLS_ENABLE makes of reductions in the switch: off, on, or unknown where
/// NCCL decides. Null: not set.
[[nodiscard]] std::string_view nvls_state(const char* value);

}  // namespace moe
