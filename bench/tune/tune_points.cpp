#include "bench/tune/tune_points.hpp"

#include "bench/case/layout.hpp"

#include <algorithm>
#include <cstddef>
#include <tuple>

namespace moe {
namespace {

/// A table takes a few seconds, each point about a tenth of one.
constexpr std::size_t kMostPoints = 32;
/// Doublings from one point to the next where there are not too many, and at most: then each
/// setting has one or two points for each load.
constexpr double kLeastSpacing = 1;
constexpr double kMostSpacing = 16;

std::vector<TunePoint> exchanges_of(std::span<const Case> cases, int ranks) {
    std::vector<TunePoint> all;
    for (const auto& params : cases) {
        const auto layout = lay_out(params, ranks);
        if (!layout.obstacle.empty() || layout.row_map->rows() == 0) continue;
        const auto& owned = layout.row_map->owned();
        const auto row_bytes =
            params.shape.hidden * static_cast<std::int64_t>(size_of(params.dtype));
        all.push_back({&params,
                       owned,
                       {.dtype = params.dtype,
                        .captured = params.graph,
                        .sms = params.sms,
                        .bytes = owned.total() * row_bytes,
                        .largest_share = largest_share(owned)}});
    }
    std::ranges::stable_sort(all, {}, [](const TunePoint& point) {
        const auto& exchange = point.exchange;
        return std::tuple(exchange.dtype, exchange.captured, exchange.sms, exchange.bytes,
                          exchange.largest_share);
    });
    return all;
}

/// Those that are `spacing` doublings from each other at least.
std::vector<TunePoint> spaced(std::span<const TunePoint> all, double spacing) {
    std::vector<TunePoint> kept;
    for (const auto& point : all) {
        const bool near = std::ranges::any_of(kept, [&](const auto& other) {
            return point.exchange.comparable(other.exchange) &&
                   point.exchange.distance(other.exchange) < spacing;
        });
        if (!near) kept.push_back(point);
    }
    return kept;
}

}  // namespace

std::vector<TunePoint> tune_points(std::span<const Case> cases, int ranks) {
    const auto all = exchanges_of(cases, ranks);
    auto points = spaced(all, kLeastSpacing);
    for (double spacing = 2 * kLeastSpacing; points.size() > kMostPoints && spacing <= kMostSpacing;
         spacing *= 2) {
        points = spaced(all, spacing);
    }
    return points;
}

}  // namespace moe
