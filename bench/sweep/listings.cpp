#include "bench/sweep/listings.hpp"

#include "bench/moe/shape.hpp"
#include "comm/backend.hpp"
#include "comm/combine/combine.hpp"
#include "comm/gather/gather.hpp"
#include "kernels/runtime/error.hpp"

#include <fmt/format.h>
#include <fmt/ranges.h>

#include <array>
#include <vector>

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

std::string line_of(std::string_view name, std::string_view summary) {
    return fmt::format("{:<30} {}\n", name, summary);
}

std::string list_of_combines() {
    std::string text;
    for (const auto* entry : combine_table()) {
        const auto* note = entry->by_name_only ? " (by name only)" : "";
        text += line_of(entry->name, fmt::format("{}{}", entry->summary, note));
    }
    return text;
}

std::string list_of_gathers() {
    std::string text;
    for (const auto* entry : gather_table()) text += line_of(entry->name, entry->summary);
    return text;
}

std::string list_of_backends() {
    std::string text;
    for (const auto& entry : backend_table()) text += line_of(entry.name, entry.summary);
    return text;
}

constexpr std::array kListings{
    Listing{"models", list_of_models},
    Listing{"combines", list_of_combines},
    Listing{"gathers", list_of_gathers},
    Listing{"backends", list_of_backends},
};

}  // namespace

std::string list_of(std::string_view what, std::span<const Listing> more) {
    std::vector<std::string_view> names;
    for (const auto listings : {std::span<const Listing>(kListings), more}) {
        for (const auto& listing : listings) {
            if (listing.name == what) return listing.text();
            names.push_back(listing.name);
        }
    }
    throw BadArgument(fmt::format("--list '{}': there are: {}", what, fmt::join(names, ", ")));
}

}  // namespace moe
