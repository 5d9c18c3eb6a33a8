#include "bench/sweep/listings.hpp"

#include "bench/moe/shape.hpp"
#include "comm/backend.hpp"
#include "comm/combine/combine.hpp"
#include "comm/gather/gather.hpp"
#include "kernels/runtime/error.hpp"

#include <fmt/format.h>

namespace moe {
namespace {

std::string list_of_models() {
    auto text =
        fmt::format("{:<22} {:>6} {:>7} {:>5} {:>12} {:>12} {:>12} {:>10}  {}\n", "model", "hidden",
                    "experts", "top-k", "intermediate", "shared", "scores", "MoE layers", "source");
    for (const auto& [name, shape, layers, source] : model_table()) {
        const auto shared =
            shape.shared_intermediate == 0
                ? std::string("none")
                : fmt::format("{}{}", shape.shared_intermediate, shape.shared_gate ? " gated" : "");
        text += fmt::format("{:<22} {:>6} {:>7} {:>5} {:>12} {:>12} {:>12} {:>10}  {}\n", name,
                            shape.hidden, shape.experts, shape.top_k, shape.intermediate, shared,
                            to_string(shape.scoring), layers == 0 ? "-" : fmt::format("{}", layers),
                            source);
    }
    return text;
}

}  // namespace

std::string list_of(std::string_view what) {
    std::string text;
    const auto add = [&](std::string_view name, std::string_view about) {
        text += fmt::format("{:<24} {}\n", name, about);
    };
    if (what == "models") {
        text = list_of_models();
    } else if (what == "combines") {
        for (const auto* entry : combine_table()) add(entry->name, entry->summary);
    } else if (what == "gathers") {
        for (const auto* entry : gather_table()) add(entry->name, entry->summary);
    } else if (what == "backends") {
        for (const auto& entry : backend_table()) add(entry.name, entry.summary);
    } else {
        throw BadArgument(
            fmt::format("--list '{}': there are: models, combines, gathers, backends", what));
    }
    return text;
}

}  // namespace moe
