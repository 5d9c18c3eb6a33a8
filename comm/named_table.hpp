#pragma once

#include "kernels/runtime/error.hpp"

#include <fmt/format.h>
#include <fmt/ranges.h>

#include <string_view>
#include <type_traits>
#include <vector>

namespace moe {

/// The entry with this name, of a table of entries or of pointers to them; otherwise a BadArgument
/// that says what was seen and what there is.
template <class Table>
[[nodiscard]] const auto& find_named(const Table& table, std::string_view name,
                                     std::string_view kind) {
    const auto entry_of = [](const auto& item) -> const auto& {
        if constexpr (std::is_pointer_v<std::remove_cvref_t<decltype(item)>>) {
            return *item;
        } else {
            return item;
        }
    };
    std::vector<std::string_view> known;
    for (const auto& item : table) {
        if (entry_of(item).name == name) return entry_of(item);
        known.push_back(entry_of(item).name);
    }
    throw BadArgument(
        fmt::format("no {} is named '{}'; there are: {}", kind, name, fmt::join(known, ", ")));
}

}  // namespace moe
