#pragma once

#include "comm/combine/auto_table.hpp"

#include <nlohmann/json_fwd.hpp>

#include <string>

namespace moe {

/// What a table was measured on. One of another is no guide here.
struct TableOrigin {
    std::string backend, device;
    int ranks{};
    std::string mode;  ///< isolated or pipelined
};

[[nodiscard]] nlohmann::json table_to_json(const AutoTable& table, const TableOrigin& origin);

/// The table in the text of `file`. A BadArgument, which names the file, what was seen and what is
/// possible, where it is none, names strategies that this build lacks, or is not from `here`.
[[nodiscard]] AutoTable parse_auto_table(const std::string& text, const std::string& file,
                                         const TableOrigin& here);

}  // namespace moe
