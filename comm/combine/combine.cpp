#include "comm/combine/combine.hpp"

#include <fmt/format.h>

namespace moe {

std::string_view to_string(Form form) {
    return form == Form::all_reduce ? "all_reduce" : "reduce_scatter";
}

void Combine::run_with_norm(const CombineInput& /*in*/, const ResidualNorm& /*norm*/,
                            Stream& /*stream*/) {
    throw Error("this strategy has no pass that takes a norm");
}

bool fuses_norm_in(OwnersPass pass, const CombineSetup& setup) {
    const auto row_bytes = static_cast<std::size_t>(setup.row_bytes());
    return setup.group.size() == 1 &&
           setup.world.peer_kernels()->can_norm(pass, row_bytes, setup.owned.largest());
}

std::string to_string(const InputNeeds& needs) {
    std::string text(needs.weighted() ? "weighted_rows" : "partial_sums");
    if (needs.reach) text += fmt::format(":{}", to_string(*needs.reach));
    return text;
}

}  // namespace moe
