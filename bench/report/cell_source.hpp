#pragma once

#include "bench/report/columns.hpp"

#include <fmt/format.h>
#include <fmt/ranges.h>

#include <cstdint>
#include <functional>
#include <optional>
#include <string>
#include <string_view>
#include <type_traits>
#include <vector>

/// How the list of columns says where a cell comes from: by a path of members.
namespace moe::cells {

inline Value to_value(bool flag) {
    return flag;
}
inline Value to_value(std::int64_t count) {
    return count;
}
inline Value to_value(double number) {
    return number;
}
inline Value to_value(std::string_view text) {
    return text.empty() ? Value() : Value(std::string(text));
}
/// 8;7;6;0
inline Value to_value(const std::vector<std::int64_t>& counts) {
    return to_value(fmt::format("{}", fmt::join(counts, ";")));
}
inline Value to_value(Claim claim) {
    return to_value(to_string(claim));
}
/// planted;disturbed
inline Value to_value(const std::vector<NoVerdict>& reasons) {
    std::vector<std::string_view> words;
    for (const auto reason : reasons) words.push_back(to_string(reason));
    return to_value(fmt::format("{}", fmt::join(words, ";")));
}

template <class T>
constexpr Kind kind_of() {
    if (std::is_same_v<T, bool>) return Kind::flag;
    if (std::is_same_v<T, std::int64_t>) return Kind::count;
    if (std::is_same_v<T, double>) return Kind::number;
    return Kind::text;
}

template <class T>
struct IsOptional : std::false_type {};
template <class T>
struct IsOptional<std::optional<T>> : std::true_type {};

/// Follows a path of members, one step after the other: the kind and the value of what is at its
/// end. An empty optional on the way makes the value empty.
template <auto... Path>
struct Follow;

template <>
struct Follow<> {
    template <class T>
    static constexpr Kind kind() {
        return kind_of<T>();
    }
    static Value value(const auto& end) { return to_value(end); }
};

template <auto Step, auto... Rest>
struct Follow<Step, Rest...> {
    template <class From>
    static constexpr Kind kind() {
        using To = std::remove_cvref_t<std::invoke_result_t<decltype(Step), const From&>>;
        if constexpr (IsOptional<To>::value) {
            return Follow<Rest...>::template kind<typename To::value_type>();
        } else {
            return Follow<Rest...>::template kind<To>();
        }
    }
    template <class From>
    static Value value(const From& from) {
        return beyond(std::invoke(Step, from));
    }

private:
    template <class To>
    static Value beyond(const To& to) {
        if constexpr (IsOptional<To>::value) {
            return to ? Follow<Rest...>::value(*to) : Value();
        } else {
            return Follow<Rest...>::value(to);
        }
    }
};

/// The cell at the end of a path of members (data or functions without arguments) that begins at a
/// row: empty where an optional on the way is.
template <auto... Path>
constexpr CellSource of{Follow<Path...>::template kind<ResultRow>(),
                        [](const ResultRow& row) { return Follow<Path...>::value(row); }};

}  // namespace moe::cells
