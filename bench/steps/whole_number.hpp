#pragma once

#include "bench/sweep/number_list.hpp"

#include <cstdint>
#include <string_view>

namespace moe {

/// The whole number that `text` is. A BadArgument with the name and the limits for anything else.
[[nodiscard]] std::int64_t parse_whole_number(std::string_view name, std::string_view text,
                                              Limits limits);

}  // namespace moe
