#pragma once

#include <cstdint>
#include <span>
#include <string>
#include <variant>

namespace moe {

/// One cell; monostate is a cell that does not apply, and stays empty.
using Value = std::variant<std::monostate, bool, std::int64_t, double, std::string>;

/// An RFC 4180 line, newline included. Numbers have six significant digits, more than any timer
/// here resolves, and whole numbers all of theirs; infinities and NaN are empty.
[[nodiscard]] std::string csv_line(std::span<const Value> cells);

}  // namespace moe
