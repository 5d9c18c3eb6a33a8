#pragma once

#include <cstdint>
#include <string>
#include <string_view>
#include <vector>

namespace moe {

/// "a,b,c" as its parts, without duplicates. A BadArgument naming `option` for an empty part.
[[nodiscard]] std::vector<std::string> split_list(std::string_view option, std::string_view text);

/// Comma-separated whole numbers of at least `least`; a part may be first:last:xFACTOR or
/// first:last:+STEP, last included where it is hit. Without duplicates, in the order given. A
/// BadArgument naming `option` for anything else, and for more than 100000 numbers.
[[nodiscard]] std::vector<std::int64_t> parse_number_list(std::string_view option,
                                                          std::string_view text,
                                                          std::int64_t least);

}  // namespace moe
