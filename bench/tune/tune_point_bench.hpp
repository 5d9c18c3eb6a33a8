#pragma once

#include "bench/case/plan.hpp"
#include "bench/measure/region_chain.hpp"
#include "bench/measure/sampler.hpp"
#include "bench/measure/timeline.hpp"
#include "bench/tune/cached_combine.hpp"
#include "bench/tune/tune_points.hpp"
#include "comm/combine/combine_inputs.hpp"

#include <functional>
#include <memory>
#include <optional>
#include <string>
#include <vector>

namespace moe {

/// What a table is measured with.
struct TuneParts {
    const Options& options;
    Backend& backend;
    Bootstrap& bootstrap;
    Timeline& timeline;
    CasePlanner& planner;
};

/// All strategies that a table may name, in one exchange, with the memory that they need.
class TunePointBench {
public:
    /// Collective. Makes those that have no obstacle and find room. OutOfMemory on all ranks where
    /// the exchange itself finds none.
    TunePointBench(const TuneParts& parts, const TunePoint& point);

    /// Collective. Strategies take turns, as in a case. A time is of a local combine (of expert
    /// rows in caches) and of the exchange, as in the output step: rows that other ranks have read
    /// take longer to write again, which is the strategy's doing. `on_progress` is called after
    /// every sample. Medians, on rank 0.
    [[nodiscard]] std::vector<AutoTable::Time> measure(const std::function<void()>& on_progress);

private:
    struct Strategy {
        const CombineEntry* entry{};
        CombineInput input;
        std::unique_ptr<Combine> combine;
        std::unique_ptr<RegionChain> chain{};  ///< where the exchange is captured
    };
    /// Beside `bytes` of what is here for all strategies.
    [[nodiscard]] std::string no_room(std::size_t bytes);
    void make(const CombineEntry& entry);
    /// Collective. Why the strategy cannot be captured; empty where it can.
    [[nodiscard]] std::string capture(Strategy& strategy);
    /// Enqueues what is timed.
    Matrix run(const Strategy& strategy);
    [[nodiscard]] Candidate candidate_of(const Strategy& strategy);

    TuneParts parts_;
    std::unique_ptr<Stream> stream_;
    RowPartition owned_;
    CombineSetup setup_;
    CombineInputs inputs_;
    Buffer own_;
    Matrix mine_;
    std::optional<CachedCombine> local_combine_;
    std::vector<Strategy> strategies_;
};

}  // namespace moe
