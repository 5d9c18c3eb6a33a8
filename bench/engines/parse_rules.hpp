#pragma once

#include "bench/engines/engine_rules.hpp"

#include <string_view>

namespace moe {

/// The rules that a file of this folder holds. An Error that names the file and what is wrong with
/// it, for a text that is no such file: an unknown word, or something missing.
[[nodiscard]] EngineRules parse_engine_rules(std::string_view name, std::string_view text);

}  // namespace moe
