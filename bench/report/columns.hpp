#pragma once

#include "bench/report/csv.hpp"
#include "bench/report/result_row.hpp"

#include <cstdint>
#include <span>
#include <string>
#include <string_view>

namespace moe {

/// What the cells of a column hold. An empty cell does not apply, whatever the kind.
enum class Kind : std::uint8_t {
    text,
    flag,    ///< true or false
    count,   ///< a whole number
    number,  ///< six significant digits
};
[[nodiscard]] std::string_view to_string(Kind kind);

/// Rows that agree in all columns of the cell are launches of one cell: of one measurement. The
/// other columns say which launch it was, and what came out.
enum class Role : std::uint8_t { other, cell };

/// How the cell of a row is made.
struct CellSource {
    Kind kind{};
    Value (*of)(const ResultRow& row){};
};

/// One column of the results.
struct Column {
    std::string_view name;  ///< ends with its unit where it is a time
    Role role{};
    std::string_view unit;     ///< empty where there is none
    std::string_view meaning;  ///< one sentence; results/README.md says more of some
    CellSource cell;
};

/// All columns, in the order in which they are written. The only list of them: a new one is a line
/// at its end, and none is renamed (README.md of results).
[[nodiscard]] std::span<const Column> columns();

/// The lines of a results file, newline included.
[[nodiscard]] std::string csv_header();
[[nodiscard]] std::string csv_line(const ResultRow& row);

/// What --list columns shows: a heading and a line for each.
[[nodiscard]] std::string list_of_columns();

}  // namespace moe
