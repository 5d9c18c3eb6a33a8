#pragma once

#include "bench/case_plan.hpp"
#include "bench/case_verifier.hpp"
#include "bench/graphs.hpp"
#include "bench/measure/calibration.hpp"
#include "bench/measure/phase_split.hpp"
#include "bench/measure/sampler.hpp"
#include "bench/moe/layer.hpp"
#include "bench/sweep/case.hpp"
#include "bench/watch/progress_board.hpp"
#include "comm/combine/combine.hpp"
#include "comm/gather/gather.hpp"

#include <functional>
#include <memory>
#include <optional>
#include <span>
#include <string>
#include <string_view>
#include <vector>

namespace moe {

/// One strategy's part in a case.
struct RivalState {
    const CombineEntry* entry{};
    std::string obstacle;
    Cost cost;
    std::string_view variant{};
    std::unique_ptr<Combine> combine{};
    std::unique_ptr<StepGraphs> graphs{};  ///< where the case is about graphs
    std::optional<bool> verified{};
    std::string wrong{};  ///< why verified is false
    // Of the whole layer, where that is checked.
    std::optional<double> rms_error{};
    std::optional<bool> repeatable{}, owner_independent{};

    [[nodiscard]] bool to_be_timed() const { return obstacle.empty() && verified != false; }
    /// The exchange as it is timed: eagerly, or by graph.
    [[nodiscard]] Combine& timed_combine() const { return graphs ? graphs->combine() : *combine; }
};

/// A device's clock around the samples of a case; on this rank, but for what held it back.
struct CaseClocks {
    std::optional<std::int64_t> before_mhz{}, after_mhz{};
    std::string throttled{};
};

/// The samples of one case: series of the rivals that are timed, the baseline first, by kind.
struct CaseSamples {
    std::vector<RivalState*> rivals;
    bool has_baseline{};
    Series output, combine;
    std::optional<Series> layer;
    /// For each rival; empty without a layer, and for graphs, into which nobody looks.
    std::vector<PhaseSplit> phases;
    /// Seconds that the exchange takes at least: any strategy's, and each rival's. Without rows
    /// there is nothing to move and no limit.
    std::optional<double> contract_limit;
    std::vector<double> limits;
    CaseClocks clocks;
};

/// One case with everything that it needs in memory: made, verified, measured, dropped.
class PreparedCase {
public:
    struct Parts {
        Device& device;
        Stream& stream;
        Control& control;
        Timeline& timeline;
        Calibration& calibration;
        Communicator& world;
        Communicator& group;
        const LayerKernelsFactory& kernels;
        std::span<const LayerWeights> weights;  ///< one for each layer, like the references
        std::span<LayerReference> references;
        ProgressBoard& board;
    };
    /// For a layout without an obstacle; it and the case outlive this.
    PreparedCase(const Case& one, const CaseLayout& layout,
                 std::span<const CombineEntry* const> combines, const Parts& parts);

    /// Bytes of a rank's activations, of all strategies' workspaces, and of what checking
    /// and calibrating take; without the gather's workspace.
    [[nodiscard]] static std::size_t bytes(const LayerPlan& plan,
                                           const LayerKernelsFactory& kernels,
                                           const CombineSetup& setup,
                                           std::span<const CombineEntry* const> combines);

    [[nodiscard]] std::span<RivalState> rivals() { return rivals_; }

    /// Collective. For a case about graphs: captures every rival's regions. What cannot be captured
    /// has an obstacle from here on.
    void capture();

    /// Collective. Fills each rival's verdict.
    void verify(bool whole_layer);
    /// Collective. The exchange once more, bit for bit: what goes wrong only after many runs.
    void verify_again();
    /// Collective. The budget is shared by the kinds of sample. `beat` hears the share of it spent.
    [[nodiscard]] CaseSamples measure(const Options& options,
                                      const std::function<void(double)>& beat);

private:
    [[nodiscard]] CaseVerifier verifier();
    /// The whole step as it is timed; where the result is.
    Matrix run_step(RivalState& rival);
    void find_limits(CaseSamples& samples);
    [[nodiscard]] std::vector<PhaseSplit> split_phases(std::span<RivalState* const> timed,
                                                       int count,
                                                       const std::function<void()>& prepare);

    const Case& case_;
    const RowMap& row_map_;
    Parts parts_;
    CombineSetup combine_setup_;
    GatherSetup gather_setup_;
    MoeLayer layer_;
    std::unique_ptr<Gather> gather_;
    std::vector<RivalState> rivals_;
};

/// What one rank's layer of a case looks like.
[[nodiscard]] LayerPlan layer_plan(const Case& one, const Parallel& parallel, const RowMap& row_map,
                                   int rank);

}  // namespace moe
