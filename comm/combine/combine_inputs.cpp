#include "comm/combine/combine_inputs.hpp"

#include <set>

namespace moe {
namespace {

std::size_t matrix_bytes(const CombineSetup& setup) {
    return static_cast<std::size_t>(setup.owned.total() * setup.row_bytes());
}

}  // namespace

std::string CombineInputs::no_room(const InputNeeds& needs) {
    if (needs.weighted() || !needs.reach || partial_sums_.contains(needs)) return {};
    return setup_.world.no_peer_room(matrix_bytes(setup_), *needs.reach);
}

CombineInput CombineInputs::of(const InputNeeds& needs) {
    if (needs.weighted()) {
        MOE_EXPECT(!needs.reach || weighted_.memory != nullptr, "nobody else reads expert rows");
        return weighted_;
    }
    auto found = partial_sums_.find(needs);
    if (found == partial_sums_.end()) {
        found = partial_sums_
                    .try_emplace(needs, setup_.device, setup_.world, needs.reach,
                                 setup_.owned.total(), setup_.cols, setup_.dtype)
                    .first;
    }
    return {.rows = found->second.matrix(), .memory = found->second.memory()};
}

std::size_t CombineInputs::bytes(const CombineSetup& setup,
                                 std::span<const CombineEntry* const> combines) {
    std::set<InputNeeds> needs;
    for (const auto* entry : combines) {
        if (!entry->obstacle(setup).empty()) continue;
        const auto wanted = entry->input(setup);
        if (!wanted.weighted()) needs.insert(wanted);
    }
    return needs.size() * matrix_bytes(setup);
}

}  // namespace moe
