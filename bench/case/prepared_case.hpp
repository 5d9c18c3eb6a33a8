#pragma once

#include "bench/case/beside_gemm.hpp"
#include "bench/case/case_limits.hpp"
#include "bench/case/plan.hpp"
#include "bench/case/region.hpp"
#include "bench/case/verifier.hpp"
#include "bench/measure/cache_flush.hpp"
#include "bench/measure/calibration.hpp"
#include "bench/measure/phase_split.hpp"
#include "bench/measure/sampler.hpp"
#include "bench/moe/layer.hpp"
#include "bench/sweep/case.hpp"
#include "bench/watch/heartbeat.hpp"
#include "comm/combine/combine_inputs.hpp"
#include "comm/gather/gather.hpp"

#include <array>
#include <functional>
#include <memory>
#include <optional>
#include <span>
#include <string>
#include <string_view>
#include <vector>

namespace moe {

/// A device's clock around the samples of a case; on this rank, but for what held it back.
struct CaseClocks {
    std::optional<std::int64_t> before_mhz{}, after_mhz{};
    std::string throttled{};
};

/// The samples of one region: a series of the strategies that it applies to.
struct RegionSamples {
    std::vector<const StrategyRun*> strategies;
    bool has_baseline{};  ///< strategies[0] is what speed-ups are against
    Series series;

    /// Where a strategy's samples are; nothing for one that was not timed.
    [[nodiscard]] std::optional<std::size_t> find(const StrategyRun& strategy) const;
};

/// The samples of one case, by region.
struct CaseSamples {
    std::array<std::optional<RegionSamples>, kRegions> regions;
    /// For each strategy of the layer region; empty without a layer, and for graphs, whose phases
    /// are not marked.
    std::vector<PhaseSplit> phases;
    /// Seconds that the exchange takes at least by the contract, and that it and the output step
    /// take with each strategy of the output region. Without rows there is nothing to move and no
    /// limit.
    std::optional<double> contract_limit;
    struct Limits {
        double exchange{}, output{};
    };
    std::vector<Limits> limits;
    std::optional<BesideSamples> beside;  ///< where the case asks for it
    CaseClocks clocks;
    std::optional<double> disturbed_pct;  ///< see ResultRow

    [[nodiscard]] const std::optional<RegionSamples>& of(RegionId id) const {
        return regions[static_cast<std::size_t>(id)];
    }
};

/// One case with everything that it needs in memory: made, verified, measured, dropped.
class PreparedCase {
public:
    struct Parts {
        Device& device;
        Stream& stream;
        Bootstrap& bootstrap;
        Timeline& timeline;
        Calibration& calibration;
        Communicator& world;
        Communicator& group;
        const LayerKernelsFactory& kernels;
        std::span<const LayerWeights> weights;  ///< one for each layer, like the references
        std::span<LayerReference> references;
        Heartbeat& heartbeat;
        const AutoTable* auto_table{};  ///< for strategies that choose by one
        bool one_memory{};              ///< of all ranks: there are no links between them beside it
    };
    /// Collective. For a layout without an obstacle; it and the case outlive this. OutOfMemory on
    /// all ranks where one has no room.
    PreparedCase(const Case& params, const CaseLayout& layout,
                 std::span<const CombineEntry* const> combines, const Parts& parts);

    /// Bytes of a rank's activations, of all strategies' inputs and workspaces, and of what
    /// checking and calibrating take; without the gather's workspace.
    [[nodiscard]] static std::size_t bytes(const LayerPlan& plan,
                                           const LayerKernelsFactory& kernels,
                                           const CombineSetup& setup,
                                           std::span<const CombineEntry* const> combines);

    [[nodiscard]] std::span<StrategyRun> strategies() { return strategies_; }

    /// Collective. For a case about graphs: captures every strategy's regions. What cannot be
    /// captured has an obstacle from here on.
    void capture(const Options& options);

    /// Collective. Fills each strategy's verdict.
    void verify(bool whole_layer);
    /// Collective. The exchange once more, bit for bit: what goes wrong only after many runs.
    void verify_again();
    /// Hears what is being measured, and the share of its budget that is spent.
    using OnProgress = std::function<void(std::string_view, double)>;
    /// Collective. The budget is shared by the regions.
    [[nodiscard]] CaseSamples measure(const Options& options, const OnProgress& on_progress);

private:
    [[nodiscard]] CaseVerifier verifier();
    /// Collective. Makes a strategy with its input, or gives it an obstacle.
    [[nodiscard]] StrategyRun make_strategy(const CombineEntry& entry);
    /// Where that depends on the expert rows, which are there.
    void count_sent_bytes();
    [[nodiscard]] std::vector<Region> make_regions();
    void capture(StrategyRun& strategy, const Options& options);
    /// Collective. What is wrong with the output step as it is timed, in every form.
    [[nodiscard]] std::string check_output(CaseVerifier& verifier, StrategyRun& strategy);
    /// Collective. The GEMM beside one strategy, and all exchanges beside it.
    void verify_beside(CaseVerifier& verifier);
    /// What is sampled by itself has a share of the budget each.
    [[nodiscard]] StopRule stop_rule(const Options& options) const;
    /// Of the order of strategies in one of these series.
    [[nodiscard]] std::uint64_t seed_of(std::size_t series, const Options& options) const;
    [[nodiscard]] RegionSamples sample(const Region& region, Sampler& sampler,
                                       const Options& options, const OnProgress& on_progress);
    [[nodiscard]] BesideSamples sample_beside(Sampler& sampler, RegionTimer& timer,
                                              const Options& options,
                                              const OnProgress& on_progress);
    /// How the sampler sees a strategy in a region.
    [[nodiscard]] Candidate candidate_of(const Region& region, StrategyRun& strategy,
                                         const Options& options);
    void find_limits(const StepBytes& bytes, CaseSamples& samples);
    [[nodiscard]] std::vector<PhaseSplit> split_phases(std::span<const StrategyRun* const> timed,
                                                       const Options& options);
    /// What comes untimed before each sample of a region; cold after it, in a cold case.
    void prepare(const Region& region, StrategyRun& strategy);
    /// Leaves nothing in the caches, in a cold case.
    void flush_if_cold();

    const Case& case_;
    const RowMap& row_map_;
    Parts parts_;
    CombineSetup combine_setup_;
    GatherSetup gather_setup_;
    MoeLayer layer_;
    std::unique_ptr<Gather> gather_;
    CombineInputs inputs_;
    std::vector<StrategyRun> strategies_;
    std::vector<Region> regions_;
    std::optional<CacheFlush> cache_flush_;
    std::unique_ptr<BesideGemm> beside_;  ///< null where the case does not ask for it
};

/// What one rank's layer of a case looks like.
[[nodiscard]] LayerPlan layer_plan(const Case& params, const Parallel& parallel,
                                   const RowMap& row_map, int rank);

}  // namespace moe
