#include "bench/sweep/options.hpp"

#include "bench/sweep/case.hpp"
#include "bench/sweep/number_list.hpp"
#include "bench/sweep/version.hpp"
#include "comm/backend.hpp"
#include "comm/named_table.hpp"

#include <fmt/format.h>
#include <fmt/ranges.h>
#include <CLI/CLI.hpp>

#include <algorithm>
#include <array>
#include <cmath>
#include <limits>

namespace moe {
namespace {

/// The options as typed. CLI11 knows the names; the values are parsed below, so that every bad one
/// is answered in the same way.
struct Texts {
    std::string backend{"auto"}, model{"custom"}, hidden, scale_experts{"1"}, tokens{"16:1024:x4"};
    std::string experts, top_k, intermediate, shared_intermediate, scoring;
    std::string dp, ep, load{"balanced,hot"}, routing{"uniform"}, padding{"sum_len"}, phase;
    std::string combine{"all"}, baseline{"all_reduce_dp_scatter"}, layers{"1"};
    std::string gather{"all_reduce_zero_fill"}, dtype{"bf16"}, scope{"layer"}, seed{"1"}, ci{"2"};
    std::string budget{"2"}, min_samples{"20"}, verify{"full"}, progress{"auto"}, out, csv, list,
        time;
    std::string launch{"1/1"}, timeout{"300"}, plant, graph{"off"}, skew{"0"}, sms{"default"};
    bool cold{}, pipelined{}, dry_run{}, resume{}, share_gpu{}, shared_gate{}, version{};
};

template <class T>
struct Choice {
    std::string_view name;
    T value;
};

template <class T, std::size_t N>
T parse_choice(std::string_view option, std::string_view text,
               const std::array<Choice<T>, N>& choices) {
    std::vector<std::string_view> names;
    for (const auto& choice : choices) {
        if (choice.name == text) return choice.value;
        names.push_back(choice.name);
    }
    throw BadArgument(fmt::format("{} '{}': there are: {}", option, text, fmt::join(names, ", ")));
}

// Far above every real layer, and small enough that no size in bytes overflows 64 bits.
constexpr Limits kHidden{1, 1 << 16}, kExperts{1, 1 << 16}, kTopK{1, 1 << 10};
constexpr Limits kIntermediate{1, 1 << 20}, kSharedIntermediate{0, 1 << 20}, kTokens{0, 1 << 24};
constexpr Limits kRanks{1, 1 << 20}, kSamples{1, 1'000'000}, kLayers{1, 1 << 10};
// A second: devices give up waiting for their start after ten.
constexpr Limits kSkews{0, 1'000'000};
constexpr Limits kSeeds{0, std::numeric_limits<std::int64_t>::max() / 2};

std::int64_t parse_integer(std::string_view option, std::string_view text, Limits limits) {
    const auto list = parse_number_list(option, text, limits);
    if (list.size() != 1) {
        throw BadArgument(fmt::format("{} '{}': one whole number is wanted", option, text));
    }
    return list.front();
}

std::optional<std::int64_t> parse_override(std::string_view option, const std::string& text,
                                           Limits limits) {
    if (text.empty()) return std::nullopt;
    return parse_integer(option, text, limits);
}

double parse_positive(std::string_view option, const std::string& text) {
    double value = 0;
    std::size_t used = 0;
    try {
        value = std::stod(text, &used);
    } catch (const std::exception&) {
        used = 0;
    }
    if (used != text.size() || !std::isfinite(value) || value <= 0) {
        throw BadArgument(fmt::format("{} '{}': a number above 0 is wanted", option, text));
    }
    return value;
}

/// I of I/K; both as numbers.
std::array<int, 2> parse_launch(const std::string& text) {
    constexpr Limits kLaunches{1, 10'000};
    const auto slash = text.find('/');
    if (slash == std::string::npos) {
        throw BadArgument(fmt::format("--launch '{}': I/K is wanted, launch I of K", text));
    }
    const auto of = parse_integer("--launch", text.substr(slash + 1), kLaunches);
    const auto which = parse_integer("--launch", text.substr(0, slash), {1, of});
    return {static_cast<int>(which), static_cast<int>(of)};
}

/// All but what only says where results go, how a run is watched, and which of several it is.
std::map<std::string, std::string> settings_of(const CLI::App& app) {
    constexpr std::array kOthers{"--help",   "--out",     "--csv",     "--progress",
                                 "--list",   "--dry-run", "--resume",  "--timeout",
                                 "--launch", "--backend", "--version", "--time"};
    std::map<std::string, std::string> settings;
    for (const auto* option : app.get_options()) {
        const auto name = option->get_name();
        if (std::find(kOthers.begin(), kOthers.end(), name) != kOthers.end()) continue;
        settings[name] = option->count() > 0 ? option->results().back() : option->get_default_str();
    }
    return settings;
}

constexpr std::array kScopes{Choice<bool>{"layer", true}, Choice<bool>{"output", false}};
constexpr std::array kVerifies{Choice<Verify>{"exact", Verify::exact},
                               Choice<Verify>{"full", Verify::full},
                               Choice<Verify>{"off", Verify::off}};
constexpr std::array kProgress{Choice<ProgressStyle>{"auto", ProgressStyle::automatic},
                               Choice<ProgressStyle>{"bar", ProgressStyle::bar},
                               Choice<ProgressStyle>{"plain", ProgressStyle::plain},
                               Choice<ProgressStyle>{"none", ProgressStyle::none}};

using Name = Choice<std::string_view>;
/// sglang is the rule of the newest release.
constexpr std::array kPaddings{Name{"sum_len", "sum_len"}, Name{"max_len", "max_len"},
                               Name{"sglang", kSglang23}, Name{kSglang22, kSglang22},
                               Name{kSglang23, kSglang23}};
constexpr std::array kGraphs{Name{"off", "off"}, Name{"on", "on"}, Name{"both", "both"}};
constexpr std::array kPhases{Name{kPrefillStep, kPrefillStep}, Name{kDecodeStep, kDecodeStep},
                             Name{kMixedStep, kMixedStep}};

/// What a list of names out of `choices` stands for, each once.
template <std::size_t N>
std::vector<std::string> parse_names(std::string_view option, const std::string& text,
                                     const std::array<Name, N>& choices) {
    std::vector<std::string> values;
    for (const auto& name : split_list(option, text)) {
        const auto value = parse_choice(option, name, choices);
        if (std::ranges::find(values, value) == values.end()) values.emplace_back(value);
    }
    return values;
}

/// Prefill and decode unless the user chose; a choice that nothing asks for is a mistake.
std::vector<std::string> parse_phases(const std::string& text,
                                      const std::vector<std::string>& paddings) {
    if (text.empty()) return {std::string(kPrefillStep), std::string(kDecodeStep)};
    if (std::ranges::none_of(paddings, is_sglang)) {
        throw BadArgument(
            fmt::format("--phase '{}': only --padding sglang asks for the phase", text));
    }
    return parse_names("--phase", text, kPhases);
}

/// A mixed load has a number of tokens of its own: with no other, nothing asks for --tokens.
void check_tokens_asked_for(const Options& o, const std::string& text) {
    const auto mixed = [](const auto& load) { return Load(load).mixed(); };
    if (!std::ranges::all_of(o.loads, mixed)) return;
    throw BadArgument(fmt::format(
        "--tokens '{}': every --load is mixed:C:B, which says how many tokens there are", text));
}

/// The baseline first: everything is relative to it, so it always runs.
std::vector<const CombineEntry*> parse_combines(const std::string& text,
                                                const CombineEntry& baseline) {
    const auto table = combine_table();
    std::vector<const CombineEntry*> chosen;
    if (text == "all") {
        chosen.assign(table.begin(), table.end());
    } else {
        for (const auto& name : split_list("--combine", text)) {
            chosen.push_back(&find_named(table, name, "combine"));
        }
    }
    std::erase(chosen, &baseline);
    chosen.insert(chosen.begin(), &baseline);
    return chosen;
}

std::vector<Plant> parse_plants(const std::string& text,
                                const std::vector<const CombineEntry*>& combines) {
    constexpr double kMostPct = 10000;
    std::vector<Plant> plants;
    if (text.empty()) return plants;
    for (const auto& item : split_list("--plant", text)) {
        const auto refuse = [&](std::string_view why) {
            throw BadArgument(fmt::format("--plant '{}': {}", item, why));
        };
        const auto colon = std::min(item.find(':'), item.size());
        const auto* entry = &find_named(combine_table(), item.substr(0, colon), "combine");
        if (colon == item.size()) refuse("NAME:PCT is wanted");
        const double pct =
            parse_positive("--plant " + item.substr(0, colon + 1), item.substr(colon + 1));
        if (pct > kMostPct) refuse(fmt::format("at most {} % is possible", kMostPct));
        if (std::ranges::find(combines, entry) == combines.end()) {
            refuse("not one of the strategies that --combine or --baseline names");
        }
        if (std::ranges::find(plants, entry, &Plant::entry) != plants.end()) {
            refuse("named twice");
        }
        plants.push_back({entry, pct});
    }
    return plants;
}

std::vector<std::string> parse_gathers(const std::string& text) {
    std::vector<std::string> chosen;
    if (text == "all") {
        for (const auto* entry : gather_table()) chosen.emplace_back(entry->name);
        return chosen;
    }
    chosen = split_list("--gather", text);
    for (const auto& name : chosen) static_cast<void>(find_named(gather_table(), name, "gather"));
    return chosen;
}

std::vector<DType> parse_dtypes(const std::string& text) {
    std::vector<DType> chosen;
    for (const auto& name : split_list("--dtype", text)) {
        chosen.push_back(find_named(dtypes(), name, "dtype").dtype);
    }
    return chosen;
}

void declare(CLI::App& app, Texts& t) {
    const auto add = [&](const char* name, std::string& value, const char* help) {
        // A script's default followed by a user's choice is no mistake: the last one counts.
        app.add_option(name, value, help)->capture_default_str()->take_last();
    };
    add("--backend", t.backend, "auto, or one of --list backends");
    add("--model", t.model,
        "LIST of --list models; custom takes the options below (host: custom; cuda: "
        "qwen3.5-397b-a17b)");
    add("--hidden", t.hidden, "LIST of hidden sizes (the model's own)");
    add("--experts", t.experts, "routed experts (the model's own)");
    add("--top-k", t.top_k, "experts for each token (the model's own)");
    add("--intermediate", t.intermediate, "intermediate size of an expert (the model's own)");
    add("--shared-intermediate", t.shared_intermediate,
        "intermediate size of the shared expert, 0 for none (the model's own)");
    add("--scoring", t.scoring, "softmax, sigmoid or sqrtsoftplus router scores (the model's own)");
    app.add_flag("--shared-gate", t.shared_gate,
                 "the shared expert's output is scaled by a sigmoid gate (the model's own)");
    add("--scale-experts", t.scale_experts, "divide the number of experts, to fit in memory");
    add("--tokens", t.tokens, "LIST of tokens in one step over all DP ranks");
    add("--dp", t.dp, "LIST of attention data-parallel sizes, or all (the number of ranks)");
    add("--ep", t.ep, "LIST of expert-parallel sizes, or all (the number of ranks)");
    add("--load", t.load,
        "LIST of balanced, linear, zipf:S, hot, idle:K, counts:8;7;6;0 (shares of --tokens), "
        "mixed:C:B (rows: a prefill chunk on one DP rank, decode on the others)");
    add("--routing", t.routing, "LIST of uniform, zipf:S: how popular experts are");
    add("--padding", t.padding,
        "LIST of sum_len, max_len, sglang (the rule of SGLang 0.5.23, by --phase and load), "
        "sglang:0.5.22 (the one before)");
    add("--phase", t.phase,
        "LIST of prefill, decode, mixed, for --padding sglang (prefill,decode)");
    add("--combine", t.combine, "LIST of --list combines, or all; the baseline always runs");
    add("--baseline", t.baseline, "the one of --list combines that speed-ups are against");
    add("--gather", t.gather, "LIST of --list gathers, or all");
    add("--dtype", t.dtype, "LIST of bf16, f16, f32: what rows travel as");
    add("--scope", t.scope,
        "layer: layer, output and combine samples; output: experts run once, no layer samples");
    add("--graph", t.graph, "off, on (CUDA graphs: captured once, then replayed), both");
    add("--sms", t.sms,
        "LIST of CTAs that NCCL uses, each a multiprocessor; default: as many as it chooses");
    add("--skew", t.skew, "LIST of us by which all ranks but one may be late for a sample");
    add("--layers", t.layers, "MoE layers in one step, each with weights of its own");
    add("--seed", t.seed, "of inputs, weights and orders");
    add("--ci", t.ci, "stop when speed-ups are known to this many percent");
    add("--budget", t.budget, "seconds of samples for each case");
    add("--time", t.time,
        "seconds after which the sweep ends: cases take fewer samples where time is short, and "
        "those that do not fit are left for --resume (no limit)");
    add("--min-samples", t.min_samples, "samples of each kind, however long they take");
    app.add_flag("--cold", t.cold, "activations and workspaces are cold too, before every sample");
    app.add_flag("--pipelined", t.pipelined, "samples are bursts of runs back to back: throughput");
    app.add_flag(
        "--share-gpu", t.share_gpu,
        "several ranks on one GPU: sets what NCCL needs for that; times say nothing of links");
    add("--plant", t.plant,
        "LIST of NAME:PCT: makes a strategy slower by a share, to test tools; never a result");
    add("--verify", t.verify, "exact: bit for bit; full: also the layer against fp64; off");
    add("--out", t.out, "folder for all result files (results/local/TIME-HOST)");
    add("--csv", t.csv, "results file; the other files go beside it");
    add("--launch", t.launch, "I/K: this is launch I of K into one results set");
    add("--timeout", t.timeout, "seconds without progress after which all ranks are ended");
    app.add_flag("--resume", t.resume, "go on where a run into the same file ended");
    add("--progress", t.progress, "auto, bar, plain, none");
    add("--list", t.list, "models, combines, gathers, backends or columns; then stop");
    app.add_flag("--version", t.version, "the program's revision and its libraries; then stop");
    app.add_flag("--dry-run", t.dry_run,
                 "show the cases, the memory and the time each needs; measure and write nothing");
}

/// Everything checked that does not need the number of ranks.
Options parse_texts(const Texts& t) {
    Options o;
    if (t.backend != "auto") static_cast<void>(find_backend(t.backend));
    o.backend = t.backend;
    o.models = split_list("--model", t.model);
    for (const auto& name : o.models) static_cast<void>(find_named(model_table(), name, "model"));
    if (!t.hidden.empty()) o.hidden = parse_number_list("--hidden", t.hidden, kHidden);
    o.experts = parse_override("--experts", t.experts, kExperts);
    o.top_k = parse_override("--top-k", t.top_k, kTopK);
    o.intermediate = parse_override("--intermediate", t.intermediate, kIntermediate);
    o.shared_intermediate =
        parse_override("--shared-intermediate", t.shared_intermediate, kSharedIntermediate);
    if (!t.scoring.empty()) o.scoring = find_named(scorings(), t.scoring, "scoring").scoring;
    o.shared_gate = t.shared_gate;
    o.scale_experts = static_cast<int>(parse_integer("--scale-experts", t.scale_experts, kExperts));
    o.tokens = parse_number_list("--tokens", t.tokens, kTokens);
    o.all_dp = t.dp == "all";
    o.all_ep = t.ep == "all";
    if (!t.dp.empty() && !o.all_dp) o.dp = parse_number_list("--dp", t.dp, kRanks);
    if (!t.ep.empty() && !o.all_ep) o.ep = parse_number_list("--ep", t.ep, kRanks);
    o.loads = split_list("--load", t.load);
    for (const auto& load : o.loads) static_cast<void>(Load(load));
    o.routings = split_list("--routing", t.routing);
    for (const auto& routing : o.routings) static_cast<void>(parse_routing(routing));
    o.paddings = parse_names("--padding", t.padding, kPaddings);
    o.phases = parse_phases(t.phase, o.paddings);
    o.combines = parse_combines(t.combine, find_named(combine_table(), t.baseline, "combine"));
    o.gathers = parse_gathers(t.gather);
    o.dtypes = parse_dtypes(t.dtype);
    const auto graph = parse_choice("--graph", t.graph, kGraphs);
    if (graph != "on") o.graphs.emplace_back("off");
    if (graph != "off") o.graphs.emplace_back(kGraphOn);
    o.skews_us = parse_number_list("--skew", t.skew, kSkews);
    o.sms = parse_sms("--sms", t.sms);
    o.share_gpu = t.share_gpu;
    o.layer_scope = parse_choice("--scope", t.scope, kScopes);
    o.layers = parse_integer("--layers", t.layers, kLayers);
    if (o.layers > 1 && !o.layer_scope) {
        throw BadArgument(fmt::format(
            "--layers {}: --scope output times no layers, only the output step of one", o.layers));
    }
    o.seed = parse_integer("--seed", t.seed, kSeeds);
    o.ci_pct = parse_positive("--ci", t.ci);
    o.budget_seconds = parse_positive("--budget", t.budget);
    if (!t.time.empty()) o.time_seconds = parse_positive("--time", t.time);
    o.min_samples = static_cast<int>(parse_integer("--min-samples", t.min_samples, kSamples));
    o.cold = t.cold;
    o.mode = t.pipelined ? Mode::pipelined : Mode::isolated;
    if (t.cold && t.pipelined) {
        throw BadArgument(
            "--cold --pipelined: nothing can empty the caches between runs back to back");
    }
    o.plants = parse_plants(t.plant, o.combines);
    o.verify = parse_choice("--verify", t.verify, kVerifies);
    o.progress = parse_choice("--progress", t.progress, kProgress);
    o.out = t.out;
    o.csv = t.csv;
    o.resume = t.resume;
    if (o.resume && o.out.empty() && o.csv.empty()) {
        throw BadArgument("--resume: of which results? --out or --csv says where they are");
    }
    const auto [launch, launches] = parse_launch(t.launch);
    o.launch = launch;
    o.launches = launches;
    o.timeout_seconds = parse_positive("--timeout", t.timeout);
    o.dry_run = t.dry_run;
    return o;
}

}  // namespace

double Options::planted_pct(const CombineEntry& entry) const {
    const auto plant = std::ranges::find(plants, &entry, &Plant::entry);
    return plant == plants.end() ? 0 : plant->pct;
}

Options with_effort(Options options, double effort) {
    constexpr int kLeastSamples = 6;  // with fewer not even the extremes are a 95 % interval
    const auto share = static_cast<int>(std::lround(options.min_samples * effort));
    options.min_samples = std::min(options.min_samples, std::max(share, kLeastSamples));
    options.budget_seconds *= effort;
    return options;
}

ParsedCommandLine parse_command_line(int argc, const char* const* argv,
                                     std::span<const Listing> more_listings) {
    CLI::App app{
        "Times tensor-parallel all-reduce + dp_scatter against reduce_scatterv through a "
        "synthetic MoE layer, end to end, and checks every result.\n"
        "LIST is comma-separated; numbers also first:last:xFACTOR or first:last:+STEP.",
        "bench_moe_comm"};
    Texts texts;
    declare(app, texts);
    try {
        app.parse(argc, argv);
    } catch (const CLI::CallForHelp&) {
        return {PrintAndStop{app.help()}, {}};
    } catch (const CLI::ParseError& error) {
        throw BadArgument(fmt::format("{} (see --help)", error.what()));
    }
    if (texts.version) return {PrintAndStop{version_line()}, {}};
    if (!texts.list.empty()) return {PrintAndStop{list_of(texts.list, more_listings)}, {}};
    ParsedCommandLine parsed{std::nullopt, parse_texts(texts)};
    if (app.count("--tokens") > 0) check_tokens_asked_for(parsed.options, texts.tokens);
    parsed.options.model_given = app.count("--model") > 0;
    parsed.options.command_line.assign(argv, argv + argc);
    parsed.options.settings = settings_of(app);
    return parsed;
}

}  // namespace moe
