#pragma once

#include "comm/backend.hpp"
#include "comm/combine/combine.hpp"
#include "comm/gather/gather.hpp"

#include <fmt/format.h>
#include <fmt/ranges.h>

#include <cstdint>
#include <string>
#include <vector>

namespace moe {

/// Where a check of a strategy runs, for its failures: "host, rank 1 of 4, 0;0;4;4 rows of 5 bf16".
[[nodiscard]] inline std::string setting_of(const Backend& backend, const GatherSetup& setup) {
    std::vector<std::int64_t> rows;
    for (int rank = 0; rank < setup.owned.ranks(); ++rank) rows.push_back(setup.owned.rows(rank));
    return fmt::format("{}, rank {} of {}, {} rows of {} {}", backend.name, setup.world.rank(),
                       setup.world.size(), fmt::join(rows, ";"), setup.cols,
                       to_string(setup.dtype));
}
[[nodiscard]] inline std::string setting_of(const Backend& backend, const CombineSetup& setup) {
    const GatherSetup rows{setup.device, setup.world, setup.owned, setup.cols, setup.dtype};
    return fmt::format("{}, groups of {}", setting_of(backend, rows), setup.group.size());
}

}  // namespace moe
