#pragma once

#include "comm/combine/combine.hpp"

namespace moe {

/// Whether a strategy is one of those that the verifier has to catch.
[[nodiscard]] bool wrong_on_purpose(const CombineEntry& entry);

}  // namespace moe
