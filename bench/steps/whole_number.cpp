#include "bench/steps/whole_number.hpp"

#include "kernels/runtime/error.hpp"

#include <fmt/format.h>

#include <charconv>

namespace moe {

std::int64_t parse_whole_number(std::string_view name, std::string_view text, Limits limits) {
    std::int64_t number = 0;
    const auto* const end = text.data() + text.size();
    const auto [stop, error] = std::from_chars(text.data(), end, number);
    const bool whole = error == std::errc() && stop == end;
    if (whole && number >= limits.least && number <= limits.most) return number;
    throw BadArgument(fmt::format("{} '{}': a whole number from {} to {} is wanted", name, text,
                                  limits.least, limits.most));
}

}  // namespace moe
