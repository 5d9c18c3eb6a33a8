#include "bench/sweep/number_list.hpp"

#include "kernels/runtime/error.hpp"

#include <fmt/format.h>

#include <algorithm>
#include <charconv>
#include <iterator>
#include <limits>
#include <optional>
#include <unordered_set>

namespace moe {
namespace {

constexpr std::size_t kMaxNumbers = 100'000;

std::vector<std::string_view> split(std::string_view text, char separator) {
    std::vector<std::string_view> parts;
    for (;;) {
        const auto end = text.find(separator);
        parts.push_back(text.substr(0, end));
        if (end == std::string_view::npos) return parts;
        text.remove_prefix(end + 1);
    }
}

std::optional<std::int64_t> parse_number(std::string_view text) {
    std::int64_t value = 0;
    const auto [end, error] = std::from_chars(text.data(), text.data() + text.size(), value);
    if (error != std::errc() || end != text.data() + text.size()) return std::nullopt;
    return value;
}

/// The first of each, in the order given. With a set, because the longest list a user may give
/// would take seconds if each value were looked for in all before it.
template <class T>
std::vector<T> without_duplicates(const std::vector<T>& list) {
    std::unordered_set<T> seen(list.size());
    std::vector<T> unique;
    std::copy_if(list.begin(), list.end(), std::back_inserter(unique),
                 [&](const T& value) { return seen.insert(value).second; });
    return unique;
}

/// The numbers of first:last:xFACTOR or first:last:+STEP; nothing if it is not one.
std::optional<std::vector<std::int64_t>> parse_range(std::string_view text) {
    const auto parts = split(text, ':');
    if (parts.size() != 3 || parts[2].empty()) return std::nullopt;
    const auto first = parse_number(parts[0]);
    const auto last = parse_number(parts[1]);
    const char kind = parts[2].front();
    const auto step = parse_number(parts[2].substr(1));
    if (!first || !last || !step || *first > *last) return std::nullopt;
    const bool grows = (kind == 'x' && *step >= 2 && *first >= 1) || (kind == '+' && *step >= 1);
    if (!grows) return std::nullopt;

    std::vector<std::int64_t> numbers;
    for (auto value = *first; value <= *last && numbers.size() <= kMaxNumbers;) {
        numbers.push_back(value);
        const auto most = std::numeric_limits<std::int64_t>::max();
        if (kind == 'x' ? value > most / *step : value > most - *step) break;
        value = kind == 'x' ? value * *step : value + *step;
    }
    return numbers;
}

}  // namespace

std::vector<std::string> split_list(std::string_view option, std::string_view text) {
    std::vector<std::string> list;
    for (const auto part : split(text, ',')) {
        if (part.empty()) {
            throw BadArgument(fmt::format("{} '{}': an empty name in the list", option, text));
        }
        list.emplace_back(part);
    }
    return without_duplicates(list);
}

std::vector<std::int64_t> parse_number_list(std::string_view option, std::string_view text,
                                            Limits limits) {
    std::vector<std::int64_t> list;
    for (const auto part : split(text, ',')) {
        std::vector<std::int64_t> numbers;
        if (const auto number = parse_number(part)) {
            numbers = {*number};
        } else if (auto range = parse_range(part)) {
            numbers = std::move(*range);
        } else {
            throw BadArgument(
                fmt::format("{} '{}': '{}' is neither a whole number nor first:last:xFACTOR nor "
                            "first:last:+STEP",
                            option, text, part));
        }
        for (const auto number : numbers) {
            if (number < limits.least || number > limits.most) {
                throw BadArgument(fmt::format("{} '{}': {} is not from {} to {}", option, text,
                                              number, limits.least, limits.most));
            }
        }
        if (list.size() + numbers.size() > kMaxNumbers) {
            throw BadArgument(
                fmt::format("{} '{}': more than {} numbers", option, text, kMaxNumbers));
        }
        list.insert(list.end(), numbers.begin(), numbers.end());
    }
    return without_duplicates(list);
}

std::vector<std::int64_t> parse_sms(std::string_view option, std::string_view text) {
    constexpr std::string_view kDefault = "default";
    constexpr Limits kSms{1, 1024};
    std::vector<std::int64_t> list;
    for (const auto part : split(text, ',')) {
        if (part == kDefault) {
            list.push_back(0);
            continue;
        }
        try {
            for (const auto sms : parse_number_list(option, part, kSms)) list.push_back(sms);
        } catch (const BadArgument& error) {
            throw BadArgument(fmt::format("{}; or {}", error.what(), kDefault));
        }
    }
    return without_duplicates(list);
}

}  // namespace moe
