#include "bench/sweep/plain_options.hpp"

#include "bench/sweep/option_readers.hpp"
#include "bench/sweep/option_values.hpp"
#include "bench/sweep/options.hpp"
#include "comm/backend.hpp"
#include "comm/named_table.hpp"

#include <array>

namespace moe {
namespace {

using G = OptionGroup;
using Name = std::string_view;
using Text = const std::string&;

constexpr std::array kVerifies{Word<Verify>{"exact", Verify::exact},
                               Word<Verify>{"full", Verify::full},
                               Word<Verify>{"off", Verify::off}};
constexpr std::array kProgress{Word<ProgressStyle>{"auto", ProgressStyle::automatic},
                               Word<ProgressStyle>{"bar", ProgressStyle::bar},
                               Word<ProgressStyle>{"plain", ProgressStyle::plain},
                               Word<ProgressStyle>{"none", ProgressStyle::none}};

void read_backend(Name /*name*/, Text text, Options& options) {
    if (text != "auto") static_cast<void>(find_backend(text));
    options.backend = text;
}

void read_baseline(Name /*name*/, Text text, Options& options) {
    options.combines = {&find_named(combine_table(), text, "combine")};
}

/// Behind the baseline, which always runs: everything is relative to it. `all` is every entry that
/// runs unasked; others may be named beside it.
void read_combines(Name name, Text text, Options& options) {
    const auto table = combine_table();
    const auto add = [&](const CombineEntry* entry) {
        if (std::ranges::find(options.combines, entry) != options.combines.end()) return;
        options.combines.push_back(entry);
    };
    for (const auto& word : split_list(name, text)) {
        if (word != "all") {
            add(&find_named(table, word, "combine"));
            continue;
        }
        for (const auto* entry : table) {
            if (!entry->by_name_only) add(entry);
        }
    }
}

/// Of strategies that run.
void read_slowdowns(Name name, Text text, Options& options) {
    constexpr double kMaxPct = 10000;
    for (const auto& item : split_list(name, text)) {
        const auto refuse = [&](std::string_view why) {
            throw BadArgument(fmt::format("{} '{}': {}", name, item, why));
        };
        const auto colon = std::min(item.rfind(':'), item.size());
        const auto* entry = &find_named(combine_table(), item.substr(0, colon), "combine");
        if (colon == item.size()) refuse("NAME:PCT is wanted");
        const double pct = parse_positive(fmt::format("{} {}", name, item.substr(0, colon + 1)),
                                          item.substr(colon + 1));
        if (pct > kMaxPct) refuse(fmt::format("at most {} % is possible", kMaxPct));
        if (std::ranges::find(options.combines, entry) == options.combines.end()) {
            refuse("not one of the strategies that --combine or --baseline names");
        }
        if (options.slowdown_pct(*entry) > 0) refuse("named twice");
        options.slowdowns.push_back({entry, pct});
    }
}

void read_min_samples(Name name, Text text, Options& options) {
    constexpr Limits kSamples{1, 1'000'000};
    options.min_samples = static_cast<int>(parse_integer(name, text, kSamples));
}

std::size_t parse_step_cases(Name name, Text text) {
    constexpr Limits kCases{1, 1000};
    return static_cast<std::size_t>(parse_integer(name, text, kCases));
}

/// I of I/K; both as numbers.
void read_launch(Name name, Text text, Options& options) {
    constexpr Limits kLaunches{1, 10'000};
    const auto slash = text.find('/');
    if (slash == std::string::npos) {
        throw BadArgument(fmt::format("{} '{}': I/K is wanted, launch I of K", name, text));
    }
    const auto launches = parse_integer(name, text.substr(slash + 1), kLaunches);
    const auto launch = parse_integer(name, text.substr(0, slash), {1, launches});
    options.launch = static_cast<int>(launch);
    options.launches = static_cast<int>(launches);
}

void read_engine_env(Name name, Text text, Options& options) {
    const auto& rules = find_engine_rules(text);
    if (!rules.nccl) {
        throw BadArgument(
            fmt::format("{} {}: which NCCL variables it sets is not known", name, text));
    }
    options.engine_env = &rules;
}

template <auto Member>
void read_text(Name /*name*/, Text text, Options& options) {
    options.*Member = text;
}
template <auto Member, const auto& kWords>
void read_word(Name name, Text text, Options& options) {
    options.*Member = parse_word(name, text, kWords);
}

constexpr std::array kOptions{
    OptionEntry{"--steps", G::step, "",
                "FILE of an engine's steps, in place of --tokens and --load "
                "(bench/steps/README.md)",
                read_text<&Options::steps>},
    OptionEntry{"--step-cases", G::step, "24",
                "cases that steps are grouped into at most, for each setting",
                read_into<&Options::step_cases, parse_step_cases>},
    OptionEntry{"--baseline", G::strategies, "all_reduce_dp_scatter",
                "the one of --list combines that speed-ups are against", read_baseline},
    OptionEntry{"--combine", G::strategies, "all",
                "LIST of --list combines, and all; the baseline always runs", read_combines},
    OptionEntry{"--auto-table", G::strategies, "",
                "FILE that reduce_scatterv_auto chooses by, as a run wrote it (measured at start)",
                read_text<&Options::auto_table>},
    OptionEntry{
        "--plant", G::strategies, "",
        "LIST of NAME:PCT: makes a strategy slower by a share, to test tools; never a result",
        read_slowdowns},
    OptionEntry{"--traffic", G::step, "",
                "isl=4000,osl=1000,conc=512,chunk=8192,hit=0.6,spec=3: steps of a scheduler model, "
                "in place of --steps; synthetic traffic",
                read_text<&Options::traffic>},
    OptionEntry{"--ci", G::measurement, "2", "stop when speed-ups are known to this many percent",
                read_into<&Options::ci_pct, parse_positive>},
    OptionEntry{"--budget", G::measurement, "2", "seconds of samples for each case",
                read_into<&Options::budget_seconds, parse_positive>},
    OptionEntry{"--min-samples", G::measurement, "20",
                "samples of each kind, however long they take", read_min_samples},
    OptionEntry{"--pipelined", G::measurement, nullptr,
                "samples are bursts of runs back to back: throughput",
                [](Name, Text, Options& options) { options.mode = Mode::pipelined; }},
    OptionEntry{"--share-gpu", G::measurement, nullptr,
                "several ranks on one GPU: sets what NCCL needs for that; times say nothing of "
                "links",
                read_flag<&Options::share_gpu>},
    OptionEntry{"--engine-env", G::measurement, "",
                "engine whose NCCL variables are set before NCCL starts, but those that you have "
                "set: sglang, vllm, or one of their releases (none)",
                read_engine_env},
    OptionEntry{"--verify", G::measurement, "full",
                "exact: bit for bit; full: also the layer against fp64; off",
                read_word<&Options::verify, kVerifies>},
    OptionEntry{"--backend", G::run, "auto", "auto, or one of --list backends", read_backend},
    OptionEntry{"--time", G::run, "",
                "seconds after which the sweep ends: cases take fewer samples where time is short, "
                "and those that do not fit are left for --resume (no limit)",
                read_into<&Options::time_seconds, parse_positive>},
    OptionEntry{"--out", G::run, "", "folder for all result files (results/local/TIME-HOST)",
                read_text<&Options::out>},
    OptionEntry{"--csv", G::run, "", "results file; the other files go beside it",
                read_text<&Options::csv>},
    OptionEntry{"--trace", G::run, "",
                "FILE for one marked step of each case and strategy, which Perfetto shows: a track "
                "for each rank (none)",
                read_text<&Options::trace>},
    OptionEntry{"--launch", G::run, "1/1", "I/K: this is launch I of K into one results set",
                read_launch},
    OptionEntry{"--resume", G::run, nullptr, "go on where a run into the same file ended",
                read_flag<&Options::resume>},
    OptionEntry{"--timeout", G::run, "300",
                "seconds without progress after which all ranks are ended",
                read_into<&Options::timeout_seconds, parse_positive>},
    OptionEntry{"--progress", G::run, "auto", "auto, bar, plain, none",
                read_word<&Options::progress, kProgress>},
    OptionEntry{"--dry-run", G::instead, nullptr,
                "show the cases, the memory and the time each needs; measure and write nothing",
                read_flag<&Options::dry_run>},
    OptionEntry{"--list", G::instead, "",
                "models, combines, gathers, backends or columns; then stop"},
    OptionEntry{"--version", G::instead, nullptr,
                "the program's revision and its libraries; then stop"},
};

}  // namespace

std::span<const OptionEntry> plain_options() {
    return kOptions;
}

}  // namespace moe
