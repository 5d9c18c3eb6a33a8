#pragma once

#include "bench/measure/repeats.hpp"
#include "bench/sweep/case.hpp"
#include "bench/sweep/listings.hpp"
#include "comm/combine/combine.hpp"

#include <cstdint>
#include <map>
#include <optional>
#include <span>
#include <string>
#include <string_view>
#include <vector>

namespace moe {

enum class Verify : std::uint8_t { off, exact, full };
enum class ProgressStyle : std::uint8_t { automatic, bar, plain, none };

/// A strategy that is made slower on purpose.
struct InjectedSlowdown {
    const CombineEntry* entry{};
    double pct{};
};

/// What the command line asks for, parsed and checked as far as that goes without knowing the
/// machine. Defaults are with the options, in axes.cpp and plain_options.cpp.
struct Options {
    std::string backend;
    std::vector<const ModelPreset*> models;
    bool model_given{};  ///< by the user; else a backend may have a default of its own
    std::vector<std::int64_t> hidden;  ///< empty: the model's own
    std::optional<std::int64_t> experts, top_k, intermediate, shared_intermediate;
    std::optional<Scoring> scoring;
    bool shared_gate{};  ///< also where the model has none
    std::int64_t scale_experts{1};
    std::vector<std::int64_t> tokens;
    bool collectivex_tokens{};         ///< those of CollectiveX's ladders in place of `tokens`
    std::vector<std::int64_t> dp, ep;  ///< empty: the number of ranks
    bool all_dp{}, all_ep{};           ///< every divisor of the number of ranks
    std::vector<Load> loads;
    std::vector<double> routings;  ///< exponents of the experts' popularity
    std::vector<PaddingRule> paddings;
    GraphSizes graph_sizes;
    std::string steps;    ///< file that says tokens, load and phase of each step; empty: lists do
    std::string traffic;  ///< that steps are made of, in place of such a file; empty: no
    std::size_t step_cases{};  ///< that they are grouped into, for each setting
    /// Where the steps are from, as results say; known once they are read.
    std::string steps_source;
    /// Of the bytes of `steps`, which may change under its name; likewise.
    std::string steps_hash;
    std::vector<StepPhase> phases{StepPhase::prefill, StepPhase::decode};
    bool phases_given{};  ///< by the user; else steps of all phases count
    /// The one of --baseline first, whether --combine names it or not.
    std::vector<const CombineEntry*> combines;
    std::vector<const GatherEntry*> gathers;
    std::vector<DType> dtypes;
    std::vector<bool> graphs;
    std::vector<std::int64_t> skews_us;
    std::vector<std::int64_t> sms;  ///< 0: as many as the library chooses
    std::vector<Cache> caches;
    std::vector<Epilogue> epilogues;
    std::vector<Beside> besides;
    Scope scope{};
    std::int64_t layers{};
    std::int64_t seed{};
    double ci_pct{};
    double budget_seconds{};
    std::optional<double> time_seconds;  ///< after which the sweep ends
    double timeout_seconds{};
    int min_samples{};
    int launch{1}, launches{1};  ///< which of how many launches into one results set
    bool resume{}, dry_run{}, share_gpu{};
    const EngineRules* engine_env{};  ///< whose NCCL variables to set; null: none
    Mode mode{};
    Verify verify{Verify::full};
    ProgressStyle progress{ProgressStyle::automatic};
    std::vector<InjectedSlowdown> slowdowns;  ///< each of another one of `combines`
    std::string out, csv;
    std::string trace;       ///< a file of marked steps to write; empty: none
    std::string auto_table;  ///< a file; empty: measured, where a strategy chooses by a table

    /// Whether speed-ups are against this one of `combines`.
    [[nodiscard]] bool is_baseline(const CombineEntry& entry) const {
        return &entry == combines.front();
    }
    /// Whether one of `combines` chooses by a table.
    [[nodiscard]] bool asks_for_table() const;
    /// 0 for a strategy that is left as it is.
    [[nodiscard]] double slowdown_pct(const CombineEntry& entry) const;

    /// Every option that decides what is measured and how, with its value as typed or its default:
    /// results of runs that agree in these belong together.
    std::map<std::string, std::string> settings;

    /// The command line, for the provenance.
    std::vector<std::string> command_line;
};

/// The same with this share of the samples of each case, from 0 to 1: of the budget and of
/// min_samples, of which as many stay as an interval takes.
[[nodiscard]] Options with_effort(Options options, double effort);

/// Options that cannot go together: a BadArgument. Without the number of ranks.
void check_options(const Options& options);

/// What main() should do instead of a sweep.
struct PrintAndStop {
    std::string text;
};

/// The options, or the text that --help or --list asks for, which may be one of `more_listings`. A
/// BadArgument for anything wrong.
struct ParsedCommandLine {
    std::optional<PrintAndStop> print;
    Options options;
};
[[nodiscard]] ParsedCommandLine parse_command_line(int argc, const char* const* argv,
                                                   std::span<const Listing> more_listings = {});

}  // namespace moe
