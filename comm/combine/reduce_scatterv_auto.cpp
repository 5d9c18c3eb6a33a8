// The strategy that a table of measurements has as the fastest for such an exchange. All of it is
// the chosen entry's: input, cost, memory and kernels; choosing takes no time in a run. The table
// is the same on all ranks, and so is the choice.
#include "comm/combine/auto_table.hpp"

#include <fmt/format.h>

#include <algorithm>

namespace moe {
namespace {

const AutoTable::Row* row_of(const CombineSetup& setup) {
    return setup.auto_table == nullptr ? nullptr : setup.auto_table->nearest(exchange_of(setup));
}

/// The fastest that can run here; null where the table has none.
const CombineEntry* chosen(const CombineSetup& setup) {
    const auto* row = row_of(setup);
    if (row == nullptr) return nullptr;
    const auto runs = [&](const auto& time) { return is_auto_candidate(*time.entry, setup); };
    const auto found = std::ranges::find_if(row->times, runs);
    return found == row->times.end() ? nullptr : found->entry;
}

std::string obstacle(const CombineSetup& setup) {
    if (chosen(setup) != nullptr) return {};
    if (setup.auto_table == nullptr) return "no table says which strategy is the fastest";
    const auto* row = row_of(setup);
    if (row == nullptr) {
        return fmt::format("the table of strategies has no rows for {}",
                           setting_text(exchange_of(setup)));
    }
    return "no strategy of the table's nearest row can run here";
}

/// Before there is a table nothing is known but the most memory that a candidate takes.
Cost cost_of_any(const CombineSetup& setup) {
    Cost cost;
    for (const auto* entry : combine_table()) {
        if (!is_auto_candidate(*entry, setup)) continue;
        cost.workspace_bytes = std::max(cost.workspace_bytes, entry->cost(setup).workspace_bytes);
    }
    return cost;
}

Cost cost(const CombineSetup& setup) {
    const auto* entry = chosen(setup);
    return entry == nullptr ? cost_of_any(setup) : entry->cost(setup);
}

}  // namespace

extern const CombineEntry reduce_scatterv_auto;
constinit const CombineEntry reduce_scatterv_auto{
    .name = "reduce_scatterv_auto",
    .summary = "the fastest reduce_scatter form by a table measured at start (or --auto-table)",
    .form = Form::reduce_scatter,
    .obstacle = obstacle,
    .cost = cost,
    .make = [](const CombineSetup& setup) { return chosen(setup)->make(setup); },
    .variant = [](const CombineSetup& setup) -> std::string_view {
        const auto* entry = chosen(setup);
        return entry == nullptr ? "" : entry->name;
    },
    .input = [](const CombineSetup& setup) { return chosen(setup)->input(setup); },
    .fuses_norm = [](const CombineSetup& setup) { return chosen(setup)->fuses_norm(setup); },
    // It would repeat another row of every case, and measure a table for that.
    .by_name_only = true,
    .by_table = true};

}  // namespace moe
