#include "bench/tune/tune_point_bench.hpp"

#include "bench/case/make_on_all.hpp"
#include "bench/measure/statistics.hpp"

#include <cstddef>
#include <utility>

namespace moe {
namespace {

/// Enough for medians a few percent apart.
constexpr StopRule kRule{.min_samples = 6, .budget_seconds = 0.1, .ci = 0.01};

/// Every rank alone: a gather inside a group would come on top of any strategy alike.
Parallel all_apart(int ranks) {
    return {ranks, ranks, ranks};
}

/// Of a layer whose experts are shared out evenly among all ranks.
CachedCombine::Shape local_combine_of(const TuneParts& parts, const TunePoint& point) {
    const auto& shape = point.params->shape;
    const int ranks = parts.backend.world->size();
    return {.rows = point.owned.total(),
            .cols = shape.hidden,
            .entries = (shape.top_k + ranks - 1) / ranks,
            .dtype = parts.backend.layer_kernels->compute_dtype(point.params->dtype)};
}

}  // namespace

TunePointBench::TunePointBench(const TuneParts& parts, const TunePoint& point)
    : parts_(parts),
      stream_(parts.backend.device->make_stream()),
      owned_(point.owned),
      setup_{*parts.backend.device,
             parts.planner.world_for(*point.params),
             parts.planner.group_for(*point.params, all_apart(parts.backend.world->size())),
             owned_,
             point.params->shape.hidden,
             point.params->dtype,
             point.params->graph,
             point.params->sms},
      inputs_(setup_, {}) {
    const auto shape = local_combine_of(parts, point);
    if (auto obstacle = no_room(CachedCombine::bytes(shape)); !obstacle.empty())
        throw OutOfMemory(obstacle);
    const auto rows = setup_.own_rows();
    own_ = make_on_all(parts_.bootstrap, [&] {
        return setup_.device.allocate(static_cast<std::size_t>(rows * setup_.row_bytes()));
    });
    mine_ = own_.matrix(rows, setup_.cols, setup_.dtype);
    local_combine_.emplace(
        make_on_all(parts_.bootstrap, [&] { return CachedCombine(setup_.device, shape); }));
    for (const auto* entry : combine_table()) {
        if (is_auto_candidate(*entry, setup_)) make(*entry);
    }
}

std::string TunePointBench::no_room(std::size_t bytes) {
    std::vector<const CombineEntry*> candidates;
    for (const auto* entry : combine_table()) {
        if (!is_auto_candidate(*entry, setup_)) continue;
        candidates.push_back(entry);
        bytes += entry->cost(setup_).workspace_bytes;
    }
    // The result, and a copy that a library may keep.
    bytes += 2 * static_cast<std::size_t>(setup_.all_bytes());
    return parts_.planner.memory_obstacle(bytes + CombineInputs::bytes(setup_, candidates));
}

void TunePointBench::make(const CombineEntry& entry) {
    const auto needs = entry.input(setup_);
    if (!inputs_.no_room(needs).empty()) return;
    auto& bootstrap = parts_.bootstrap;
    auto combine = make_on_all(bootstrap, [&] { return entry.make(setup_); });
    Strategy strategy{&entry, make_on_all(bootstrap, [&] { return inputs_.of(needs); }),
                      std::move(combine)};
    if (setup_.captured && !capture(strategy).empty()) return;
    strategies_.push_back(std::move(strategy));
}

std::string TunePointBench::capture(Strategy& strategy) {
    run(strategy);  // what libraries do for the first time cannot be captured
    stream_->synchronize();
    std::string why;
    try {
        strategy.chain = std::make_unique<RegionChain>(
            RegionChain::Parts{setup_.device, setup_.world, *stream_, RegionChain::length_for(1),
                               parts_.options.mode == Mode::isolated},
            [] {}, [&] { return run(strategy); });
    } catch (const LibraryError&) {
        throw;  // perhaps a peer is gone
    } catch (const Error& error) {
        why = error.what();
    }
    return parts_.bootstrap.first_nonempty(why);
}

Matrix TunePointBench::run(const Strategy& strategy) {
    local_combine_->run(strategy.input.rows, *stream_);
    return strategy.combine->run(strategy.input, mine_, *stream_);
}

Candidate TunePointBench::candidate_of(const Strategy& strategy) {
    Candidate timed;
    timed.name = strategy.entry->name;
    timed.warm_up = [this, &strategy] { run(strategy); };
    auto* chain = strategy.chain.get();
    if (chain == nullptr) {
        timed.run = timed.warm_up;
        timed.launches = 1 + strategy.entry->cost(setup_).launches;
        return timed;
    }
    timed.run = [chain] { chain->launch(); };
    timed.launches = 1;
    timed.regions = chain->length();
    if (parts_.options.mode == Mode::isolated) {
        timed.region_seconds = [chain] { return chain->seconds(); };
    }
    return timed;
}

std::vector<AutoTable::Time> TunePointBench::measure(const std::function<void()>& on_progress) {
    std::vector<Candidate> candidates;
    for (const auto& strategy : strategies_) candidates.push_back(candidate_of(strategy));
    if (candidates.empty()) return {};
    RegionTimer timer(setup_.device, parts_.timeline, *stream_);
    Sampler sampler({parts_.bootstrap, parts_.timeline, *stream_, &timer}, parts_.options.mode);
    // Other orders than the sweep's own rounds.
    constexpr std::uint64_t kSeed = 0x7461626c65;
    const auto series =
        sampler.measure(candidates, kRule, kSeed, [&](double /*spent*/) { on_progress(); });
    std::vector<AutoTable::Time> times;
    if (parts_.bootstrap.rank() != 0) return times;
    for (std::size_t i = 0; i < strategies_.size(); ++i) {
        times.push_back({strategies_[i].entry, estimate_median(series.seconds[i]).median * 1e6});
    }
    return times;
}

}  // namespace moe
