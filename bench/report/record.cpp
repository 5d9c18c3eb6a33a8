#include "bench/report/record.hpp"

#include <fmt/format.h>

#include <cmath>

namespace moe {
namespace {

std::string quoted(std::string_view text) {
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
    std::string operator()(const std::string& value) const { return quoted(value); }
};

template <class Cell>
std::string line(const Record& record, Cell&& cell) {
    std::string result;
    for (const auto& field : record) {
        if (!result.empty() || &field != &record.front()) result += ',';
        result += cell(field);
    }
    return result + '\n';
}

}  // namespace

std::string csv_header(const Record& record) {
    return line(record, [](const auto& field) { return quoted(field.first); });
}

std::string csv_line(const Record& record) {
    return line(record, [](const auto& field) { return std::visit(ToCell{}, field.second); });
}

}  // namespace moe
