#include "bench/report/csv.hpp"

#include <fmt/format.h>

#include <cmath>
#include <string_view>

namespace moe {
namespace {

/// Quotes a text that a reader would otherwise take for several cells or lines (RFC 4180).
std::string text_cell(std::string_view text) {
    if (text.find_first_of(",\"\r\n") == std::string_view::npos) return std::string(text);
    std::string result = "\"";
    for (const char c : text) {
        if (c == '"') result += '"';
        result += c;
    }
    return result + '"';
}

struct ToCell {
    std::string operator()(std::monostate /*empty*/) const { return {}; }
    std::string operator()(bool value) const { return value ? "true" : "false"; }
    std::string operator()(std::int64_t value) const { return fmt::format("{}", value); }
    std::string operator()(double value) const {
        return std::isfinite(value) ? fmt::format("{:.6g}", value) : std::string();
    }
    std::string operator()(const std::string& value) const { return text_cell(value); }
};

}  // namespace

std::string csv_line(std::span<const Value> cells) {
    std::string line;
    std::string_view separator;
    for (const auto& cell : cells) {
        line += separator;
        line += std::visit(ToCell{}, cell);
        separator = ",";
    }
    return line + '\n';
}

}  // namespace moe
