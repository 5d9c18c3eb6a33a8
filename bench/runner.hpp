#pragma once

#include "bench/case/plan.hpp"
#include "bench/case/prepared_case.hpp"
#include "bench/measure/disturbance.hpp"
#include "bench/measure/timeline.hpp"
#include "bench/report/auto_choices.hpp"
#include "bench/report/best_forms.hpp"
#include "bench/report/case_table.hpp"
#include "bench/report/progress.hpp"
#include "bench/report/result_files.hpp"
#include "bench/report/rows.hpp"
#include "bench/report/summary.hpp"
#include "bench/steps/step_totals.hpp"
#include "bench/sweep/options.hpp"
#include "bench/sweep/schedule.hpp"
#include "bench/watch/heartbeat.hpp"
#include "comm/backend.hpp"
#include "comm/machine.hpp"

#include <functional>
#include <memory>
#include <optional>
#include <set>
#include <span>
#include <string>
#include <string_view>
#include <vector>

namespace moe {

/// Ids of cases, by what earlier runs into the same files came to.
struct EarlierRuns {
    std::set<std::string> finished;
    std::set<std::string> deadly;  ///< in which runs died, too often to be tried again
};

/// The sweep: one case after the other, the same on every rank. Rank 0 writes.
class Runner {
public:
    struct Parts {
        const Options& options;
        Backend& backend;
        Bootstrap& bootstrap;
        Timeline& timeline;
        Calibration& calibration;
        const Machine& machine;
        CasePlanner& planner;
        ResultFiles* files;  ///< null on all ranks but 0
        Schedule* schedule;  ///< likewise
        Progress* progress;  ///< likewise
        Heartbeat& heartbeat;
    };
    explicit Runner(const Parts& parts);

    struct Outcome {
        int measured{};  ///< rows with a time
        int obstacles{};
        int wrong{};
        std::size_t left_out{};  ///< cases for which the time did not suffice
        Summary summary;
        AutoChoices auto_choices;
        StepTotals step_totals;
    };
    /// Collective. The cases of the schedule, in its order. `deadly`: ids of those in which earlier
    /// runs died, which get an obstacle.
    [[nodiscard]] Outcome run(std::span<const Case> cases, const std::set<std::string>& deadly);

private:
    /// A layout without an obstacle may get one.
    void run_case(const Case& params, CaseLayout& layout, const Options& options);
    /// What fails from here on is not the fault of the case: its rows are to be written.
    void end_case();
    /// Shows the phase on rank 0's progress bar.
    void show_phase(std::string_view phase, double share = 0);
    /// Collective. Why the case cannot run after all; makes it, with its weights, when it can.
    [[nodiscard]] std::string prepare(const Case& params, const CaseLayout& layout,
                                      std::unique_ptr<PreparedCase>& prepared);
    /// What consecutive cases share: gigabytes that take seconds to make.
    struct Model {
        std::string key;
        std::vector<LayerWeights> weights;  ///< one for each layer, like the references
        std::vector<LayerReference> references;
    };
    [[nodiscard]] Model make_model(const Case& params, const CaseLayout& layout,
                                   const CaseNeeds& needs);
    /// Collective. Of the ranks the largest; nothing where it says nothing.
    [[nodiscard]] std::optional<double> disturbed_pct(const Disturbance& disturbance);
    /// Collective.
    [[nodiscard]] CaseClocks clocks_of(const std::optional<Clocks>& before,
                                       const std::optional<Clocks>& after);

    [[nodiscard]] RowContext row_context() const;
    void report_obstacle(const Case& params, const CaseLayout& layout);
    void report(const Case& params, std::span<const ResultRow> rows,
                const std::optional<Comparison>& best_forms = std::nullopt);
    void report_measured(const Case& params, const CaseLayout& layout,
                         std::span<const StrategyRun> strategies, const CaseSamples& samples);
    [[nodiscard]] static FormSamples form_samples(const StrategyRun& strategy,
                                                  const CaseSamples& samples);
    /// What a row says of the samples of one strategy, which go into their file.
    void report_samples(std::span<const StrategyRun> strategies, const StrategyRun& strategy,
                        const CaseSamples& samples, ResultRow& row);
    /// Likewise of its samples beside the GEMM.
    void report_beside(const StrategyRun& strategy, const BesideSamples& samples, ResultRow& row);

    Parts parts_;
    std::unique_ptr<Stream> stream_;
    std::optional<Model> model_;
    Outcome outcome_;
};

}  // namespace moe
