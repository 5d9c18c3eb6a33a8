#pragma once

#include <cstdint>
#include <string>
#include <string_view>
#include <vector>

namespace moe {

/// "a,b,c" as its parts, without duplicates. A BadArgument naming `option` for an empty part.
[[nodiscard]] std::vector<std::string> split_list(std::string_view option, std::string_view text);

/// What a number may be, both ends included.
struct Limits {
    std::int64_t least{};
    std::int64_t most{};
};

/// Comma-separated whole numbers; a part may be first:last:xFACTOR or first:last:+STEP, last
/// included where it is hit. Without duplicates, in the order given. A BadArgument naming `option`
/// for anything else, for a number outside the limits, and for more than 100000 numbers.
[[nodiscard]] std::vector<std::int64_t> parse_number_list(std::string_view option,
                                                          std::string_view text, Limits limits);

/// The same, of numbers of multiprocessors; the part `default`, whose value is 0, leaves the choice
/// to the library.
[[nodiscard]] std::vector<std::int64_t> parse_sms(std::string_view option, std::string_view text);

}  // namespace moe
