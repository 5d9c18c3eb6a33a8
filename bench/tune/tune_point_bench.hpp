#pragma once

#include "bench/case/plan.hpp"
#include "bench/measure/region_chain.hpp"
#include "bench/measure/sampler.hpp"
#include "bench/measure/timeline.hpp"
#include "bench/tune/tune_points.hpp"
#include "comm/combine/combine_inputs.hpp"

#include <functional>
#include <memory>
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

    /// Collective. Takes turns, as strategies of a case do, with partial sums that were just
    /// written. `on_progress` is called after every sample. Median times, on rank 0.
    [[nodiscard]] std::vector<AutoTable::Time> measure(const std::function<void()>& on_progress);

private:
    struct Strategy {
        const CombineEntry* entry{};
        CombineInput input;
        std::unique_ptr<Combine> combine;
        std::unique_ptr<RegionChain> chain{};  ///< where the exchange is captured
    };
    [[nodiscard]] std::string no_room();
    void make(const CombineEntry& entry);
    /// Collective. Why the strategy cannot be captured; empty where it can.
    [[nodiscard]] std::string capture(Strategy& strategy);
    void write_input(const Strategy& strategy);
    [[nodiscard]] Matrix run(const Strategy& strategy);
    [[nodiscard]] Candidate candidate_of(const Strategy& strategy);

    TuneParts parts_;
    std::unique_ptr<Stream> stream_;
    RowPartition owned_;
    CombineSetup setup_;
    CombineInputs inputs_;
    Buffer own_;
    Matrix mine_;
    std::vector<Strategy> strategies_;
};

}  // namespace moe
