#pragma once

#include "comm/combine/auto_table.hpp"
#include "comm/named_table.hpp"

#include <array>
#include <cstddef>
#include <string_view>
#include <utility>
#include <vector>

namespace moe {

/// A table in which each doubling of the bytes has another form of reduce_scatter as the fastest,
/// so that contract suites come to choose several.
[[nodiscard]] inline const AutoTable& rotating_table() {
    static const auto table = [] {
        constexpr std::array<std::string_view, 7> kForms{
            "reduce_scatterv_push",      "reduce_scatterv_peer",     "reduce_scatter_padded",
            "reduce_scatterv_alltoallv", "reduce_scatterv_collapse", "reduce_scatterv_native",
            "reduce_scatterv_grouped"};
        std::vector<AutoTable::Row> rows;
        for (const auto& type : dtypes()) {
            for (const bool captured : {false, true}) {
                for (std::size_t first = 0; first < 4 * kForms.size(); ++first) {
                    AutoTable::Row row{{.dtype = type.dtype,
                                        .captured = captured,
                                        .bytes = std::int64_t{1} << first,
                                        .largest_share = 0.5},
                                       {}};
                    for (std::size_t place = 0; place < kForms.size(); ++place) {
                        const auto name = kForms[(first + place) % kForms.size()];
                        row.times.push_back({&find_named(combine_table(), name, "combine"),
                                             1.0 + static_cast<double>(place)});
                    }
                    rows.push_back(std::move(row));
                }
            }
        }
        return AutoTable(std::move(rows));
    }();
    return table;
}

/// The same with that table.
[[nodiscard]] inline CombineSetup with_table(CombineSetup setup) {
    setup.auto_table = &rotating_table();
    return setup;
}

}  // namespace moe
