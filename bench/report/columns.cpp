#include "bench/report/columns.hpp"

#include <fmt/format.h>

#include <array>
#include <cstddef>
#include <vector>

namespace moe {

std::string_view to_string(Kind kind) {
    constexpr std::array<std::string_view, 4> kNames{"text", "flag", "count", "number"};
    return kNames[static_cast<std::size_t>(kind)];
}

std::string csv_header() {
    std::vector<Value> names;
    for (const auto& column : columns()) names.emplace_back(std::string(column.name));
    return csv_line(names);
}

std::string csv_line(const ResultRow& row) {
    std::vector<Value> cells;
    for (const auto& column : columns()) cells.push_back(column.cell.of(row));
    return csv_line(cells);
}

std::string list_of_columns() {
    constexpr auto* kLine = "{:<24} {:<6} {:<4} {:<11} {}\n";
    auto text = fmt::format(kLine, "column", "kind", "cell", "unit", "meaning");
    for (const auto& [name, role, unit, meaning, cell] : columns()) {
        text += fmt::format(kLine, name, to_string(cell.kind), role == Role::cell ? "yes" : "",
                            unit, meaning);
    }
    return text;
}

}  // namespace moe
