#include "bench/sweep/option_values.hpp"

#include <cmath>

namespace moe {

std::int64_t parse_integer(std::string_view option, std::string_view text, Limits limits) {
    const auto list = parse_number_list(option, text, limits);
    if (list.size() != 1) {
        throw BadArgument(fmt::format("{} '{}': one whole number is wanted", option, text));
    }
    return list.front();
}

double parse_positive(std::string_view option, const std::string& text) {
    double value = 0;
    std::size_t used = 0;
    try {
        value = std::stod(text, &used);
    } catch (const std::exception&) {
        used = 0;
    }
    if (used != text.size() || !std::isfinite(value) || value <= 0) {
        throw BadArgument(fmt::format("{} '{}': a number above 0 is wanted", option, text));
    }
    return value;
}

}  // namespace moe
