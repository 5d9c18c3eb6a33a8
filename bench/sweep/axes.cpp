// The list of axes: everything in which cases differ.
#include "bench/sweep/axes.hpp"

#include "bench/sweep/axis_values.hpp"
#include "bench/sweep/make_axis.hpp"
#include "bench/sweep/spreads.hpp"

#include <fmt/format.h>

#include <array>
#include <limits>

namespace moe {
namespace {

using G = OptionGroup;
constexpr bool kAlways = true;  ///< hashed at its default too

// Far above every real layer, and small enough that no size in bytes overflows 64 bits.
constexpr Limits kHidden{1, 1 << 16}, kExperts{1, 1 << 16}, kTopK{1, 1 << 10};
constexpr Limits kIntermediate{1, 1 << 20}, kSharedIntermediate{0, 1 << 20};
constexpr Limits kRanks{1, 1 << 20}, kLayers{1, 1 << 10};
// A second, well within what devices wait for their start: --timeout and five.
constexpr Limits kSkews{0, 1'000'000};
constexpr Limits kSeeds{0, std::numeric_limits<std::int64_t>::max() / 2};

std::string phase_text(const Case& params) {
    return params.phase ? std::string(to_string(*params.phase)) : "";
}

std::string graph_sizes_text(const Case& params) {
    return params.pads_to_graphs() ? to_string(params.graph_sizes) : "";
}

std::string routing_of(const Case& params) {
    return routing_text(params.shape.expert_zipf);
}

constexpr std::array kAxes{
    Axis{.column = "model",
         .option = {"--model", G::layer, "custom",
                    "LIST of --list models; custom takes the options below (host: custom; cuda: "
                    "qwen3.5-397b-a17b)",
                    read_into<&Options::models, parse_models>},
         .id = {1, kAlways},
         .of_weights = true,
         .text = [](const Case& params) { return std::string(params.model->name); },
         .label = [](const Case& params) { return std::string(params.model->name); },
         .spread = spread_models,
         .count = count_of<&Options::models>},
    Axis{.column = "hidden",
         .option = {"--hidden", G::layer, "", "LIST of hidden sizes (the model's own)",
                    read_into<&Options::hidden, parse_numbers<kHidden>>},
         .id = {2, kAlways},
         .of_weights = true,
         .text = [](const Case& params) { return fmt::format("{}", params.shape.hidden); },
         .label = [](const Case& params) { return fmt::format("H {}", params.shape.hidden); },
         .spread = spread_hidden,
         .count = count_hidden},
    size_axis<&Options::experts, &LayerShape::experts, kExperts>(
        {.column = "experts",
         .option = {"--experts", G::layer, "", "routed experts (the model's own)"},
         .id = {3, kAlways}}),
    size_axis<&Options::top_k, &LayerShape::top_k, kTopK>(
        {.column = "top_k",
         .option = {"--top-k", G::layer, "", "experts for each token (the model's own)"},
         .id = {4, kAlways}}),
    size_axis<&Options::intermediate, &LayerShape::intermediate, kIntermediate>(
        {.column = "intermediate",
         .option = {"--intermediate", G::layer, "",
                    "intermediate size of an expert (the model's own)"},
         .id = {5, kAlways}}),
    size_axis<&Options::shared_intermediate, &LayerShape::shared_intermediate, kSharedIntermediate>(
        {.column = "shared_intermediate",
         .option = {"--shared-intermediate", G::layer, "",
                    "intermediate size of the shared expert, 0 for none (the model's own)"},
         .id = {6, kAlways}}),
    Axis{.column = "scoring",
         .option = {"--scoring", G::layer, "",
                    "softmax, sigmoid or sqrtsoftplus router scores (the model's own)",
                    read_into<&Options::scoring, parse_scoring>},
         .id = {8, kAlways},
         .of_weights = true,
         .text = [](const Case& params) { return to_text(params.shape.scoring); }},
    Axis{.column = "shared_gate",
         .option = {"--shared-gate", G::layer, nullptr,
                    "the shared expert's output is scaled by a sigmoid gate (the model's own)",
                    read_flag<&Options::shared_gate>},
         .id = {9, kAlways},
         .of_weights = true,
         .text = [](const Case& params) { return to_text(params.shape.shared_gate); }},
    Axis{.column = "scale_experts",
         .option = {"--scale-experts", G::layer, "1",
                    "divide the number of experts, to fit in memory",
                    read_into<&Options::scale_experts, parse_number<kExperts>>},
         .id = {7, kAlways},
         .of_weights = true,
         .text = text_of<&Case::scale_experts>},
    list_axis<&Options::dp, &Case::dp>(
        {.column = "dp",
         .option = {"--dp", G::topology, "",
                    "LIST of attention data-parallel sizes, or all (the number of ranks)",
                    read_sizes<&Options::dp, &Options::all_dp, kRanks>},
         .id = {11, kAlways},
         .label = [](const Case& params) { return fmt::format("dp {}", params.dp); }}),
    list_axis<&Options::ep, &Case::ep>(
        {.column = "ep",
         .option = {"--ep", G::topology, "",
                    "LIST of expert-parallel sizes, or all (the number of ranks)",
                    read_sizes<&Options::ep, &Options::all_ep, kRanks>},
         .id = {12, kAlways},
         .of_weights = true,
         .label = [](const Case& params) { return fmt::format("ep {}", params.ep); }}),
    list_axis<&Options::dtypes, &Case::dtype>(
        {.column = "dtype",
         .option = {"--dtype", G::strategies, "bf16", "LIST of bf16, f16, f32: what rows travel as",
                    read_into<&Options::dtypes, parse_dtypes>},
         .id = {10, kAlways},
         .of_weights = true,
         .label = text_of<&Case::dtype>}),
    list_axis<&Options::gathers, &Case::gather>(
        {.column = "gather",
         .option = {"--gather", G::strategies, "all_reduce_zero_fill",
                    "LIST of --list gathers, or all", read_into<&Options::gathers, parse_gathers>},
         .id = {13, kAlways},
         .label = text_of<&Case::gather>}),
    list_axis<&Options::graphs, &Case::graph>(
        {.column = "graph",
         .option = {"--graph", G::measurement, "off",
                    "off, on (CUDA graphs: captured once, then replayed), both",
                    read_into<&Options::graphs, parse_graphs>},
         .id = {20},
         .text = [](const Case& params) { return std::string(params.graph ? "on" : "off"); },
         .label = [](const Case& params) { return std::string(params.graph ? "graph" : ""); }}),
    list_axis<&Options::skews_us, &Case::skew_us>(
        {.column = "skew_us",
         .option = {"--skew", G::measurement, "0",
                    "LIST of us by which all ranks but one may be late for a sample",
                    read_into<&Options::skews_us, parse_numbers<kSkews>>},
         .id = {23},
         .label =
             [](const Case& params) {
                 return params.skew_us == 0 ? "" : fmt::format("skew {} us", params.skew_us);
             }}),
    list_axis<&Options::sms, &Case::sms>(
        {.column = "sms",
         .option = {"--sms", G::measurement, "default",
                    "LIST of CTAs that NCCL uses, each a multiprocessor; default: as many as it "
                    "chooses",
                    read_into<&Options::sms, parse_sms>},
         .id = {24},
         .label =
             [](const Case& params) {
                 return params.sms == 0 ? "" : fmt::format("{} SMs", params.sms);
             }}),
    list_axis<&Options::caches, &Case::cache>(
        {.column = "cache",
         .option =
             {"--cache",
              G::measurement,
              "warm",
              "LIST of warm, cold: with cold, activations and workspaces are cold too, before "
              "every sample",
              read_into<&Options::caches, parse_caches>,
              {"--cold", "cold"}},
         .id = {0},
         // Ids were published with this at the end of `where`.
         .hashed = [](const Case& /*cold*/) { return std::string(" cold"); },
         .label =
             [](const Case& params) {
                 return std::string(params.cache == Cache::cold ? "cold" : "");
             }}),
    list_axis<&Options::besides, &Case::beside>(
        {.column = "beside",
         .option = {"--beside", G::measurement, "none",
                    "LIST of none, gemm: with gemm, output steps also run while the experts of a "
                    "second batch do",
                    read_into<&Options::besides, parse_besides>},
         .id = {27},
         .label =
             [](const Case& params) {
                 return std::string(params.beside == Beside::gemm ? "beside GEMMs" : "");
             }}),
    Axis{.column = "padding",
         .option = {"--padding", G::step, "sum_len",
                    "LIST of sum_len, max_len, sglang (the rule of SGLang 0.5.23, by --phase and "
                    "load), sglang:0.5.22 (the one before), vllm (0.33: max_len in graphs)",
                    read_into<&Options::paddings, parse_paddings>},
         .id = {14, kAlways},
         .text = text_of<&Case::padding>,
         // Ids were published when this was SGLang's only rule.
         .hashed =
             [](const Case& params) {
                 const auto rule = to_text(params.padding);
                 return hashed_line("padding", rule == "sglang:0.5.22" ? "sglang" : rule);
             },
         .label =
             [](const Case& params) {
                 const bool plain = params.padding == PaddingRule(Padding::sum_len);
                 return plain ? "" : to_text(params.padding);
             },
         .spread = spread_values<&Options::paddings, &Case::padding>},
    Axis{.column = "graph_sizes",
         .option = {"--graph-sizes", G::step, "",
                    "LIST of captured batches to which decode rows of each DP rank are padded, or "
                    "engine: those of the engine that --padding names (none)",
                    read_into<&Options::graph_sizes, parse_graph_sizes>},
         .id = {25},
         .text = graph_sizes_text,
         .label =
             [](const Case& params) {
                 const auto sizes = graph_sizes_text(params);
                 return sizes.empty() ? "" : "graphs of " + sizes;
             },
         .spread = spread_value<&Options::graph_sizes, &Case::graph_sizes>},
    Axis{.column = "phase",
         .option = {"--phase", G::step, "",
                    "LIST of prefill, decode, mixed, for --padding sglang, --graph-sizes and "
                    "--tokens collectivex (prefill,decode); with --steps or --traffic, which steps "
                    "count (all)",
                    read_phases},
         .id = {15, kAlways},
         .text = phase_text,
         // A mixed load says it.
         .label = [](const Case& params) { return params.load.mixed() ? "" : phase_text(params); },
         .spread = spread_phases},
    Axis{.column = "routing",
         .option = {"--routing", G::layer, "uniform",
                    "LIST of uniform, zipf:S: how popular experts are",
                    read_into<&Options::routings, parse_routings>},
         .id = {17, kAlways},
         .of_weights = true,
         .text = routing_of,
         .label =
             [](const Case& params) {
                 const bool uniform = params.shape.expert_zipf == 0;
                 return uniform ? "" : "experts " + routing_of(params);
             },
         .spread = spread_routings,
         .count = count_of<&Options::routings>},
    Axis{.column = "load",
         .option = {"--load", G::step, "balanced,hot",
                    "LIST of balanced, linear, zipf:S, hot, idle:K, counts:8;7;6;0 (shares of "
                    "--tokens), mixed:C:B (rows: a prefill chunk on one DP rank, decode on the "
                    "others)",
                    read_into<&Options::loads, parse_loads>},
         .id = {16, kAlways},
         .text = text_of<&Case::load>,
         .spread = spread_loads},
    Axis{.column = "tokens",
         .option = {"--tokens", G::step, "16:1024:x4",
                    "LIST of tokens in one step over all DP ranks; or collectivex: its ladders, 1 "
                    "to 512 (decode) and 1024 to 8192 (prefill) for each DP rank",
                    read_tokens},
         .id = {18, kAlways},
         .text = text_of<&Case::tokens>,
         .spread = spread_tokens},
    single_axis<&Options::scope, &Case::scope>(
        {.column = "scope",
         .option = {"--scope", G::measurement, "layer",
                    "layer: layer, output and combine samples; output: experts run once, no layer "
                    "samples",
                    read_into<&Options::scope, parse_scope>},
         .id = {19, kAlways}}),
    single_axis<&Options::layers, &Case::layers>(
        {.column = "layers",
         .option = {"--layers", G::layer, "1",
                    "MoE layers in one step, each with weights of its own",
                    read_into<&Options::layers, parse_number<kLayers>>},
         .id = {21, kAlways},
         .of_weights = true,
         .label =
             [](const Case& params) {
                 return params.layers == 1 ? "" : fmt::format("{} layers", params.layers);
             }}),
    list_axis<&Options::epilogues, &Case::epilogue>(
        {.column = "epilogue",
         .option = {"--epilogue", G::layer, "none",
                    "LIST of none, residual_norm: every output step ends with a residual addition "
                    "and RMSNorm of the rank's rows",
                    read_into<&Options::epilogues, parse_epilogues>},
         .id = {26},
         .label =
             [](const Case& params) {
                 return params.epilogue == Epilogue::none ? "" : to_text(params.epilogue);
             }}),
    single_axis<&Options::seed, &Case::seed>(
        {.column = "seed",
         .option = {"--seed", G::measurement, "1", "of inputs, weights and orders",
                    read_into<&Options::seed, parse_number<kSeeds>>},
         .id = {22, kAlways},
         .of_weights = true}),
};

}  // namespace

std::span<const Axis> axes() {
    return kAxes;
}

}  // namespace moe
