#pragma once

#include "bench/sweep/number_list.hpp"
#include "kernels/runtime/error.hpp"

#include <fmt/format.h>
#include <fmt/ranges.h>

#include <algorithm>
#include <cstddef>
#include <cstdint>
#include <string>
#include <string_view>
#include <vector>

namespace moe {

/// A word that an option takes, and what it stands for.
template <class T>
struct Word {
    std::string_view text;
    T value;
};

/// What `text` stands for. A BadArgument that names all words for any other.
template <class Words>
[[nodiscard]] auto parse_word(std::string_view option, std::string_view text, const Words& words) {
    std::vector<std::string_view> known;
    for (const auto& word : words) {
        if (word.text == text) return word.value;
        known.push_back(word.text);
    }
    throw BadArgument(fmt::format("{} '{}': there are: {}", option, text, fmt::join(known, ", ")));
}

/// The values of a list, each once, though several texts may stand for it.
template <class Parse>
[[nodiscard]] auto parse_list(std::string_view option, std::string_view text, Parse&& parse) {
    std::vector<decltype(parse(text))> values;
    for (const auto& part : split_list(option, text)) {
        auto value = parse(part);
        if (std::ranges::find(values, value) == values.end()) values.push_back(std::move(value));
    }
    return values;
}

/// One whole number. A BadArgument for anything else, and outside the limits.
[[nodiscard]] std::int64_t parse_integer(std::string_view option, std::string_view text,
                                         Limits limits);
/// One finite number above 0. A BadArgument for anything else.
[[nodiscard]] double parse_positive(std::string_view option, const std::string& text);

}  // namespace moe
