#pragma once

#include "bench/sweep/option_entry.hpp"

#include <span>

namespace moe {

/// The options that are no axis of the sweep, in the order in which they are read.
[[nodiscard]] std::span<const OptionEntry> plain_options();

}  // namespace moe
