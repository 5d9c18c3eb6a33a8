#pragma once

#include "bench/sweep/axes.hpp"
#include "bench/sweep/option_readers.hpp"
#include "bench/sweep/option_values.hpp"
#include "bench/sweep/options.hpp"

#include <fmt/format.h>

#include <cstddef>
#include <string>
#include <string_view>
#include <type_traits>
#include <vector>

namespace moe {

// The functions of an axis, made from the members of Options and Case that it is about, so that the
// list in axes.cpp says what is particular to an axis and no more.

inline std::string to_text(const Load& load) {
    return load.text();
}
inline std::string to_text(const GatherEntry* gather) {
    return std::string(gather->name);
}
template <class T>
std::string to_text(const T& value) {
    if constexpr (std::is_arithmetic_v<T>) {
        return fmt::format("{}", value);  // true and false
    } else {
        return std::string(to_string(value));
    }
}

template <auto Member>
std::string text_of(const Case& params) {
    return to_text(params.*Member);
}

/// Numbers, or the word `all`.
template <auto Member, auto All, Limits kLimits>
void read_sizes(std::string_view option, const std::string& text, Options& options) {
    options.*All = text == "all";
    if (text != "all") options.*Member = parse_number_list(option, text, kLimits);
}

template <Limits kLimits>
std::vector<std::int64_t> parse_numbers(std::string_view option, const std::string& text) {
    return parse_number_list(option, text, kLimits);
}
template <Limits kLimits>
std::int64_t parse_number(std::string_view option, const std::string& text) {
    return parse_integer(option, text, kLimits);
}

template <auto Values, auto Member>
void spread_values(const Case& params, const Options& options, std::vector<Case>& cases) {
    for (const auto& value : options.*Values) {
        cases.push_back(params);
        cases.back().*Member = value;
    }
}
template <auto Value, auto Member>
void spread_value(const Case& params, const Options& options, std::vector<Case>& cases) {
    cases.push_back(params);
    cases.back().*Member = options.*Value;
}

template <auto Values>
std::size_t count_of(const Options& options) {
    return (options.*Values).size();
}
inline std::size_t count_one(const Options& /*options*/) {
    return 1;
}

/// An axis with every value of a list.
template <auto Values, auto Member>
constexpr Axis list_axis(Axis axis) {
    if (axis.text == nullptr) axis.text = text_of<Member>;
    axis.spread = spread_values<Values, Member>;
    axis.count = count_of<Values>;
    return axis;
}

/// An axis on which all cases of a sweep have one value.
template <auto Value, auto Member>
constexpr Axis single_axis(Axis axis) {
    axis.text = text_of<Member>;
    axis.spread = spread_value<Value, Member>;
    axis.count = count_one;
    return axis;
}

/// A size of the model's layer, which an option may override.
template <auto Value, auto Member, Limits kLimits>
constexpr Axis size_axis(Axis axis) {
    axis.option.read = read_into<Value, parse_number<kLimits>>;
    axis.of_weights = true;
    axis.text = [](const Case& params) { return to_text(params.shape.*Member); };
    return axis;
}

}  // namespace moe
