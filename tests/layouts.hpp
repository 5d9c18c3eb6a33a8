#pragma once

#include "comm/row_partition.hpp"
#include "kernels/runtime/dtype.hpp"
#include "tests/full_tests.hpp"

#include <fmt/format.h>

#include <algorithm>
#include <cstdint>
#include <ostream>
#include <string>
#include <string_view>
#include <vector>

namespace moe {

/// How rows lie over groups of ranks in the contract suites: rows that each rank of a group owns.
struct Layout {
    std::string_view name;
    std::int64_t (*rows)(int group, int groups);
};

constexpr Layout kLayouts[] = {
    {"even", [](int, int) -> std::int64_t { return 3; }},
    {"uneven", [](int group, int) -> std::int64_t { return 2 * group + 1; }},
    {"idle_rank", [](int group, int) -> std::int64_t { return group == 0 ? 0 : 4; }},
    {"one_has_all",
     [](int group, int groups) -> std::int64_t { return group == groups - 1 ? 7 : 0; }},
    {"none", [](int, int) -> std::int64_t { return 0; }},
};

/// What GoogleTest calls one.
inline void PrintTo(const Layout& layout, std::ostream* out) {
    *out << layout.name;
}

[[nodiscard]] inline RowPartition partition_of(const Layout& layout, int ranks, int group_size) {
    std::vector<std::int64_t> rows;
    for (int rank = 0; rank < ranks; ++rank) {
        rows.push_back(layout.rows(rank / group_size, ranks / group_size));
    }
    return RowPartition(rows);
}

/// The types of the contract suites; f16 only in full ones.
[[nodiscard]] inline std::vector<DType> contract_dtypes() {
    std::vector<DType> chosen;
    for (const auto& traits : dtypes()) {
        if (traits.dtype != DType::f16 || full_tests()) chosen.push_back(traits.dtype);
    }
    return chosen;
}

/// "name:variant" as a test's name may hold it.
[[nodiscard]] inline std::string test_name(std::string name) {
    std::ranges::replace(name, ':', '_');
    return name;
}

/// all_gatherv_idle_rank_bf16: a contract suite's parameter (strategy, layout, dtype) as a test
/// name.
template <class Info>
[[nodiscard]] std::string contract_name(const Info& info) {
    const auto& [entry, layout, dtype] = info.param;
    return test_name(fmt::format("{}_{}_{}", entry->name, layout.name, to_string(dtype)));
}

/// Columns that are not a multiple of any vector width, and one real row size that is no power of
/// two.
constexpr std::int64_t kWidths[] = {5, 2880};

}  // namespace moe
