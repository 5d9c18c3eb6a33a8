#pragma once

#include "bench/engines/engine_rules.hpp"

#include <cstdint>
#include <string>
#include <string_view>
#include <vector>

namespace moe {

/// Batches of one DP rank for which graphs are captured, to which decode rows are padded: a list,
/// or what the engine whose rule the padding is captures. Nothing by default: rows stay as they
/// are.
struct GraphSizes {
    bool of_engine{};
    std::vector<std::int64_t> rows;  ///< ascending; empty for an engine's

    [[nodiscard]] bool given() const { return of_engine || !rows.empty(); }
};

/// "engine", or 1;2;4;8; empty where none are given.
[[nodiscard]] std::string to_string(const GraphSizes& sizes);

/// The word `engine`, or a list of numbers in any order. A BadArgument for anything else.
[[nodiscard]] GraphSizes parse_graph_sizes(std::string_view option, const std::string& text);

}  // namespace moe
