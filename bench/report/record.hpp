#pragma once

#include <cstdint>
#include <optional>
#include <string>
#include <string_view>
#include <utility>
#include <variant>
#include <vector>

namespace moe {

/// One cell; monostate is a cell that does not apply, and stays empty.
using Value = std::variant<std::monostate, bool, std::int64_t, double, std::string>;

[[nodiscard]] inline Value value_or_empty(const std::optional<double>& value) {
    return value ? Value(*value) : Value();
}

/// One flat result row, in the order it is written. Units live in the key: `layer_us_median`.
using Record = std::vector<std::pair<std::string_view, Value>>;

/// RFC 4180 lines, newline included. Numbers have six significant digits, more than any timer
/// here resolves, and whole numbers all of theirs; infinities and NaN are empty.
[[nodiscard]] std::string csv_header(const Record& record);
[[nodiscard]] std::string csv_line(const Record& record);

}  // namespace moe
