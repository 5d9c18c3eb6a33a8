#include "bench/case/plan.hpp"

#include "bench/case/exchange.hpp"
#include "bench/case/prepared_case.hpp"
#include "bench/measure/cache_flush.hpp"
#include "bench/sweep/case_texts.hpp"
#include "bench/verify/reference.hpp"

#include <fmt/format.h>

namespace moe {
namespace {

/// The share of free memory that a case may take: libraries and the page cache live there too.
constexpr double kMemoryShare = 0.9;

std::string skew_obstacle(const Case& params, Mode mode) {
    if (params.skew_us == 0) return {};
    if (params.graph) {
        return "skew: regions chained in a CUDA graph have one start, and ranks would be late for "
               "the first only";
    }
    if (mode == Mode::pipelined) {
        return "skew: the runs of a burst have one start, and ranks would be late for the first "
               "only";
    }
    return {};
}

std::string beside_obstacle(const Case& params, Mode mode) {
    if (params.beside == Beside::none || mode == Mode::isolated) return {};
    return "beside: in a burst back to back neither the exchange nor the GEMM has a time of its "
           "own";
}

}  // namespace

std::string CasePlanner::backend_obstacle(const Case& params, const CaseLayout& layout) {
    if (params.graph) {
        auto obstacle = parts_.backend.device->capture_obstacle();
        if (!obstacle.empty()) return obstacle;
    }
    if (auto obstacle = skew_obstacle(params, parts_.options.mode); !obstacle.empty())
        return obstacle;
    if (auto obstacle = beside_obstacle(params, parts_.options.mode); !obstacle.empty())
        return obstacle;
    if (params.sms != 0) {
        auto obstacle = parts_.backend.world->sms_obstacle(params.sms);
        if (!obstacle.empty()) return obstacle;
    }
    auto& world = world_for(params);
    const GatherSetup setup{*parts_.backend.device, world,        layout.row_map->owned(),
                            params.shape.hidden,    params.dtype, params.graph};
    auto obstacle = params.gather->obstacle(setup);
    const auto reach = obstacle.empty() ? params.gather->output(setup) : std::nullopt;
    if (!reach) return obstacle;
    const auto bytes = layout.row_map->rows() * setup.row_bytes();
    return world.no_peer_room(static_cast<std::size_t>(bytes), *reach);
}

CaseNeeds CasePlanner::needs(const Case& params, const CaseLayout& layout) {
    auto& device = *parts_.backend.device;
    auto& world = world_for(params);
    const auto& kernels = *parts_.backend.layer_kernels;
    const int rank = world.rank();
    const auto& shape = params.shape;

    CaseNeeds needs;
    auto& weights = needs.weights;
    weights = {.shape = shape,
               .shard = shard_of(shape, layout.parallel, rank),
               .compute = kernels.compute_dtype(params.dtype),
               .seed = static_cast<std::uint64_t>(params.seed)};
    const auto layers = static_cast<std::size_t>(params.layers);
    const auto copy = LayerWeights::copy_bytes(weights);
    weights.copies = LayerWeights::cold_copies(layers * copy, device.cache_bytes());
    needs.weights_key = weights_key(params);
    needs.weight_bytes =
        layers * (static_cast<std::size_t>(weights.copies) * copy +
                  LayerWeights::fixed_bytes(weights) + LayerReference::bytes(shape)) +
        LayerWeights::staging_bytes(weights);

    const auto& owned = layout.row_map->owned();
    const auto combine = exchange_setup(
        params, layout,
        {device, world, group_for(params, layout.parallel), kernels, parts_.auto_table});
    needs.cold_bytes = params.cache == Cache::cold ? CacheFlush::bytes(device) : 0;
    const auto plan = layer_plan(params, layout.parallel, *layout.row_map, rank);
    const auto beside_bytes =
        params.beside == Beside::gemm ? BesideGemm::bytes(plan, kernels) : std::size_t{0};
    needs.activation_bytes =
        needs.cold_bytes + beside_bytes +
        PreparedCase::bytes(plan, kernels, combine, parts_.options.combines) +
        params.gather->cost({device, world, owned, params.shape.hidden, params.dtype, params.graph})
            .workspace_bytes;
    return needs;
}

std::string CasePlanner::memory_obstacle(std::size_t bytes) {
    auto& bootstrap = parts_.bootstrap;
    const int ranks = parts_.backend.placement.sharing_memory;
    const double needed = bootstrap.max(static_cast<double>(bytes)) * ranks;
    const double free =
        -bootstrap.max(-static_cast<double>(parts_.backend.device->memory_available()));
    if (needed <= kMemoryShare * free) return {};
    return fmt::format(
        "needs {} more {} for {} rank{}, {} of {} free may be used; "
        "fewer --tokens or --scale-experts helps",
        gibibytes(needed), parts_.backend.gpus ? "GPU memory" : "memory on a host", ranks,
        ranks == 1 ? "" : "s", gibibytes(kMemoryShare * free), gibibytes(free));
}

Communicator& CasePlanner::world_for(const Case& params) {
    if (params.sms == 0) return *parts_.backend.world;
    auto& world = worlds_[params.sms];
    if (!world) world = parts_.backend.world->with_sms(params.sms);
    return *world;
}

Communicator& CasePlanner::group_for(const Case& params, const Parallel& parallel) {
    auto& group = groups_[{params.sms, parallel.dp}];
    if (!group) {
        auto& world = world_for(params);
        group = world.split(parallel.dp_index(world.rank()));
    }
    return *group;
}

std::string gibibytes(double bytes) {
    return fmt::format("{:.1f} GiB", bytes / (1U << 30U));
}

}  // namespace moe
