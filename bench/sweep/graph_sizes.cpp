#include "bench/sweep/graph_sizes.hpp"

#include "bench/sweep/number_list.hpp"
#include "kernels/runtime/error.hpp"

#include <fmt/format.h>
#include <fmt/ranges.h>

#include <algorithm>
#include <utility>

namespace moe {
namespace {

constexpr std::string_view kEngine = "engine";
constexpr Limits kRows{1, 1 << 24};

}  // namespace

std::string to_string(const GraphSizes& sizes) {
    return sizes.of_engine ? std::string(kEngine) : fmt::format("{}", fmt::join(sizes.rows, ";"));
}

GraphSizes parse_graph_sizes(std::string_view option, const std::string& text) {
    if (text == kEngine) return {.of_engine = true, .rows = {}};
    try {
        auto rows = parse_number_list(option, text, kRows);
        std::ranges::sort(rows);
        return {.of_engine = false, .rows = std::move(rows)};
    } catch (const BadArgument& error) {
        throw BadArgument(fmt::format("{}; or {}", error.what(), kEngine));
    }
}

}  // namespace moe
