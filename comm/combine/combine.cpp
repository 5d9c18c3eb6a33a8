#include "comm/combine/combine.hpp"

#include <fmt/format.h>

namespace moe {

std::string_view to_string(Form form) {
    return form == Form::all_reduce ? "all_reduce" : "reduce_scatter";
}

std::string to_string(const InputNeeds& needs) {
    std::string text(needs.weighted() ? "weighted_rows" : "partial_sums");
    if (needs.reach) text += fmt::format(":{}", to_string(*needs.reach));
    return text;
}

}  // namespace moe
