#include "bench/report/cell_source.hpp"
#include "bench/report/columns.hpp"

#include <array>

namespace moe {
namespace {

using cells::of;
using Row = ResultRow;
using Phases = ResultRow::Phases;
constexpr auto kCell = Role::cell, kOther = Role::other;

std::int64_t schema_version(const ResultRow& /*row*/) {
    return kSchemaVersion;
}

/// Of one region: the median of its time or speed-up, and the ends of its 95 % interval.
template <auto Region>
struct Us {
    static constexpr auto median = of<Region, &Timing::us, &Estimate::median>,
                          low = of<Region, &Timing::us, &Estimate::low>,
                          high = of<Region, &Timing::us, &Estimate::high>;
};
template <auto Region>
struct Speedup {
    static constexpr auto median = of<Region, &Timing::speedup, &Estimate::median>,
                          low = of<Region, &Timing::speedup, &Estimate::low>,
                          high = of<Region, &Timing::speedup, &Estimate::high>;
};
constexpr auto kLayer = &Row::layer, kOutput = &Row::output, kCombine = &Row::combine_alone;

/// Of what ran beside each other: a median, or the ends of its 95 % interval.
template <auto Time>
struct BesideUs {
    static constexpr auto median = of<&Row::beside_times, Time, &Estimate::median>,
                          low = of<&Row::beside_times, Time, &Estimate::low>,
                          high = of<&Row::beside_times, Time, &Estimate::high>;
};
using Times = BesideTimes;

template <auto Phase>
constexpr auto phase = of<&Row::phases, Phase>;

constexpr auto kColumns = std::to_array<Column>({
    // What ran.
    {"schema_version", kOther, "", "version of this table", of<schema_version>},
    {"run_id", kOther, "", "one launch of the program; the key of the provenance",
     of<&Row::run_id>},
    {"launch", kOther, "", "which of several launches of one results set", of<&Row::launch>},
    {"case_id", kOther, "",
     "hash of all inputs but the strategy: the same inputs have the same id in every run",
     of<&Row::case_id>},
    {"backend", kCell, "",
     "host: MPI between processes, experts on CPU cores; cuda: NCCL between GPUs",
     of<&Row::backend>},
    {"device", kCell, "", "what one rank computes on, by its own name", of<&Row::device>},
    {"claim", kCell, "",
     "what the numbers may be used for: interconnect, memory, shared_machine or functional",
     of<&Row::claim>},
    {"transport", kCell, "", "what ranks reach each other through", of<&Row::transport>},
    {"hosts", kCell, "", "number of host names", of<&Row::hosts>},
    {"ranks", kCell, "", "number of ranks, the size of the group that reduces", of<&Row::ranks>},
    {"ranks_per_device", kCell, "ranks",
     "ranks that share one core or GPU: of the one that has most", of<&Row::ranks_per_device>},
    {"model", kCell, "", "preset, or custom", of<&Row::model>},
    {"hidden", kCell, "elements", "H, the width of a row", of<&Row::hidden>},
    {"experts", kCell, "", "routed experts, after scaling", of<&Row::experts>},
    {"top_k", kCell, "", "experts for each token", of<&Row::top_k>},
    {"intermediate", kCell, "elements", "intermediate size of one routed expert",
     of<&Row::intermediate>},
    {"shared_intermediate", kCell, "elements",
     "intermediate size of the shared expert, 0 without one", of<&Row::shared_intermediate>},
    {"scale_experts", kCell, "", "the preset's experts were divided by this to fit in memory",
     of<&Row::scale_experts>},
    {"tokens", kCell, "tokens", "in one step, over all DP ranks; of a mixed load C + B (dp - 1)",
     of<&Row::tokens>},
    {"load", kCell, "", "how they lie over the DP ranks, as --load has it", of<&Row::load>},
    {"tokens_per_rank", kOther, "tokens",
     "the same, dealt: one number for each DP rank, separated by ;", of<&Row::tokens_per_rank>},
    {"routing", kCell, "", "popularity of the experts: uniform, or zipf:S", of<&Row::routing>},
    {"phase", kCell, "",
     "prefill, decode or mixed, where --padding sglang or --graph-sizes asked for it; mixed for "
     "every mixed load",
     of<&Row::phase>},
    {"padding", kCell, "", "as resolved: sum_len or max_len", of<&Row::padding>},
    {"rows", kOther, "rows", "that travel, padding included", of<&Row::rows>},
    {"dp", kCell, "", "attention data-parallel size", of<&Row::dp>},
    {"attn_tp", kCell, "", "ranks / dp: ranks that want the same rows", of<&Row::attn_tp>},
    {"ep", kCell, "", "expert-parallel size", of<&Row::ep>},
    {"moe_tp", kCell, "", "ranks / ep: ranks that share an expert's columns", of<&Row::moe_tp>},
    {"gather", kCell, "", "strategy of the input step", of<&Row::gather>},
    {"combine", kCell, "", "strategy of the output step", of<&Row::combine>},
    {"variant", kOther, "",
     "which way the strategy went, where it has several: reduce_scatter or grouped "
     "(collapse), zero_copy or copied (padded, symmetric), library, push, one_shot or two_shot "
     "(all_reduce over peer memory), direct or balanced (push), push, push_balanced or pull "
     "(fused); the strategy that was chosen (auto)",
     of<&Row::variant>},
    {"dtype", kCell, "", "what rows travel as; the host computes experts in f32", of<&Row::dtype>},
    {"graph", kCell, "",
     "on: each region is captured as a CUDA graph and replayed, as in a serving step; off",
     of<&Row::graph>},
    {"scope", kCell, "",
     "layer, or output: no layer was timed. Output and combine are always of one layer",
     of<&Row::scope>},
    {"cache", kCell, "", "what the caches held: cold_weights or cold", of<&Row::cache>},
    {"mode", kCell, "", "how samples are taken: isolated, chained (graphs) or pipelined",
     of<&Row::mode>},
    {"layers", kCell, "", "layers with weights of their own in one step", of<&Row::layers>},
    {"epilogue", kCell, "",
     "step after the combine that every strategy ends with: none or residual_norm",
     of<&Row::epilogue>},
    {"seed", kOther, "", "of inputs, weights and orders", of<&Row::seed>},
    {"planted_pct", kOther, "%",
     "by how much a strategy was slowed down on purpose, in every region", of<&Row::planted_pct>},
    {"sglang_path", kOther, "",
     "the path SGLang would take for this topology, and why where it is all_reduce_dp_scatter",
     of<&Row::sglang_path>},
    {"is_baseline", kOther, "",
     "true: the strategy that the speed-ups of its case and run are against (--baseline). "
     "One row of each case",
     of<&Row::is_baseline>},

    // Whether it is right, or why it did not run.
    {"verified", kOther, "",
     "true: right, bit for bit on exact data and within its bound on real data; false: "
     "wrong, and not timed; empty: not checked",
     of<&Row::verified>},
    {"rms_error", kOther, "",
     "root mean square error of sampled output rows against fp64, over the root mean square "
     "of the reference",
     of<&Row::rms_error>},
    {"obstacle", kOther, "", "why this strategy cannot run here; then nothing is measured",
     of<&Row::obstacle>},

    // Times.
    {"samples", kOther, "", "samples of the output region", of<&Row::samples>},
    {"stop_reason", kOther, "",
     "why there are not more: ci, the speed-ups are known well enough; budget, the time was "
     "spent; min_samples, the time was spent before there were enough",
     of<&Row::stop_reason>},
    {"layer_us_median", kOther, "us", "of the layer region: the whole step, with all its layers",
     Us<kLayer>::median},
    {"layer_us_low", kOther, "us", "its 95 % interval", Us<kLayer>::low},
    {"layer_us_high", kOther, "us", "its 95 % interval", Us<kLayer>::high},
    {"layer_us_min", kOther, "us", "fastest sample", of<kLayer, &Timing::min>},
    {"layer_us_p95", kOther, "us", "95th percentile by nearest rank, from 20 samples on",
     of<kLayer, &Timing::p95>},
    {"layer_us_p99", kOther, "us", "99th percentile by nearest rank, from 100 samples on",
     of<kLayer, &Timing::p99>},
    {"output_us_median", kOther, "us", "of the output region", Us<kOutput>::median},
    {"output_us_low", kOther, "us", "its 95 % interval", Us<kOutput>::low},
    {"output_us_high", kOther, "us", "its 95 % interval", Us<kOutput>::high},
    {"combine_us_median", kOther, "us",
     "of the combine region; empty, and with it all that is made of it, where input is "
     "weighted_rows: the exchange is then no step of its own",
     Us<kCombine>::median},
    {"combine_us_low", kOther, "us", "its 95 % interval", Us<kCombine>::low},
    {"combine_us_high", kOther, "us", "its 95 % interval", Us<kCombine>::high},
    {"gather_us_median", kOther, "us",
     "phases of one layer, from a few runs with marks around each; of the rank that reached "
     "the combine last",
     phase<&Phases::gather>},
    {"route_us_median", kOther, "us", "router GEMM, scores, top-k", phase<&Phases::route>},
    {"permute_us_median", kOther, "us", "packing rows by expert", phase<&Phases::permute>},
    {"experts_us_median", kOther, "us", "gate and up, SwiGLU, down", phase<&Phases::experts>},
    {"local_combine_us_median", kOther, "us", "weighted sum of expert rows into partial sums",
     phase<&Phases::local_combine>},
    {"shared_us_median", kOther, "us", "shared expert; 0 without one", phase<&Phases::shared>},
    {"wait_us_median", kOther, "us",
     "how long the ranks waited for the last one before the combine, mean over the ranks",
     phase<&Phases::wait>},
    {"arrival_spread_us_median", kOther, "us", "last minus first arrival at the combine",
     phase<&Phases::arrival_spread>},
    {"instrumentation_pct", kOther, "%",
     "by how much the marks (and noise) made the layer slower; empty for several layers, of "
     "which the marked runs do one, and for pipelined and planted rows",
     phase<&Phases::instrumentation_pct>},
    {"speedup_layer", kOther, "", "of the layer region", Speedup<kLayer>::median},
    {"speedup_layer_low", kOther, "", "its 95 % interval", Speedup<kLayer>::low},
    {"speedup_layer_high", kOther, "", "its 95 % interval", Speedup<kLayer>::high},
    {"speedup_output", kOther, "", "of the output region", Speedup<kOutput>::median},
    {"speedup_output_low", kOther, "", "its 95 % interval", Speedup<kOutput>::low},
    {"speedup_output_high", kOther, "", "its 95 % interval", Speedup<kOutput>::high},
    {"speedup_combine", kOther, "", "of the combine region", Speedup<kCombine>::median},
    {"speedup_combine_low", kOther, "", "its 95 % interval", Speedup<kCombine>::low},
    {"speedup_combine_high", kOther, "", "its 95 % interval", Speedup<kCombine>::high},

    // What it moves.
    {"link_bytes_per_rank", kOther, "bytes",
     "what this strategy sends to other ranks, the rank that sends most, by the ring volumes "
     "of comm/ring_traffic.hpp",
     of<&Row::link_bytes>},
    {"memory_bytes_per_rank", kOther, "bytes",
     "what it reads and writes in its memory by the same model, what comes from others "
     "included, expert rows not; the rank that moves most (not always the one that sends most)",
     of<&Row::memory_bytes>},
    {"launches", kOther, "", "library calls and kernels that it enqueues", of<&Row::launches>},
    {"sms", kCell, "",
     "multiprocessors (NCCL: CTAs) that communication uses: default, or so many; empty where "
     "there are none",
     of<&Row::sms>},
    {"algbw_gbps", kOther, "1e9 bytes/s", "rows * row bytes / combine_us_median",
     of<&Row::algbw_gbps>},
    {"busbw_gbps", kOther, "1e9 bytes/s",
     "(ranks - 1) / ranks of that: the bytes that the contract forces, the same for every "
     "strategy",
     of<&Row::busbw_gbps>},
    {"contract_limit_us", kOther, "us",
     "the least that any strategy needs for the exchange (below); empty without a time or "
     "without rows, like the next one",
     of<&Row::contract_limit_us>},
    {"limit_us", kOther, "us",
     "the least that this strategy needs for it: the longer of link_bytes_per_rank and "
     "memory_bytes_per_rank, each over its bandwidth, and its barriers",
     of<&Row::limit_us>},
    {"pct_of_limit", kOther, "%",
     "limit_us / combine_us_median, empty without either: how near it comes; above 100 only "
     "by noise",
     of<&Row::pct_of_limit>},
    {"tokens_per_s", kOther, "tokens/s", "tokens / layer_us_median", of<&Row::tokens_per_s>},

    // Later ones, in the order in which they came.
    {"scoring", kCell, "", "softmax, sigmoid or sqrtsoftplus router scores", of<&Row::scoring>},
    {"shared_gate", kCell, "", "true: the shared expert's output is scaled by a sigmoid gate",
     of<&Row::shared_gate>},
    {"detail", kOther, "", "what a wrong result looked like, and which rank saw it",
     of<&Row::detail>},
    {"repeatable", kOther, "",
     "true: every run of the layer and of the exchange had the same bits on every rank",
     of<&Row::repeatable>},
    {"owner_independent", kOther, "",
     "true: a row's sum has the same bits whichever DP rank owns it; empty where there is "
     "one DP rank, or no memory to make the strategy once more",
     of<&Row::owner_independent>},
    {"launches_planned", kOther, "",
     "launches that make up this results set; 1: a single launch, whose interval knows "
     "nothing of how much launches differ",
     of<&Row::launches_planned>},
    {"flags", kOther, "",
     "what is strange about the row, words separated by ;: above_limit, "
     "above_contract_limit, throttled, disturbed",
     of<&Row::flags>},
    {"repeats", kOther, "",
     "runs inside one sample of the output region, whose time is divided by it; the same for "
     "all strategies",
     of<&Row::repeats>},
    {"layer_us_iqr", kOther, "us",
     "interquartile range of the samples, quartiles by linear interpolation, from 4 samples on",
     of<kLayer, &Timing::iqr>},
    {"output_us_iqr", kOther, "us", "likewise", of<kOutput, &Timing::iqr>},
    {"combine_us_iqr", kOther, "us", "likewise", of<kCombine, &Timing::iqr>},
    {"predecessor_pct", kOther, "%",
     "largest deviation of the output samples' median after one predecessor in the order of "
     "the strategies from the median of all",
     of<&Row::predecessor_pct>},
    {"predecessor_p", kOther, "",
     "p value of a permutation test of whether output samples depend on which strategy ran "
     "before",
     of<&Row::predecessor_p>},
    {"timed_by", kOther, "", "whose clock took the output samples: device or host",
     of<&Row::timed_by>},
    {"clock_before_mhz", kOther, "MHz",
     "the GPU's clock on rank 0 before the samples of the case; empty where nobody says (NVML)",
     of<&Row::clock_before_mhz>},
    {"clock_after_mhz", kOther, "MHz", "and after them", of<&Row::clock_after_mhz>},
    {"throttled", kOther, "",
     "what held a rank's GPU clock back after the samples, words separated by ;: power_cap, "
     "hw_slowdown, sw_thermal, hw_thermal, power_brake",
     of<&Row::throttled>},
    {"input", kOther, "",
     "what the strategy reads: partial_sums, or weighted_rows; with :library or :load_store "
     "where all ranks must reach that memory",
     of<&Row::input>},
    {"experts_kernel", kOther, "",
     "what the routed experts run on, separated by ; where products or ranks differ; empty "
     "where there are no rows",
     of<&Row::experts_kernel>},
    {"skew_us", kCell, "us",
     "by how much all ranks but one were late at most for each sample; 0: all ranks begin "
     "together",
     of<&Row::skew_us>},
    {"disturbed_pct", kOther, "%",
     "of the time of the case's samples, the most that any rank's processor was another "
     "thread's or another virtual machine's",
     of<&Row::disturbed_pct>},
    {"no_verdict", kOther, "",
     "why the row's times say nothing about which strategy is faster, words separated by ;: "
     "planted, shared_machine, functional, disturbed",
     of<&Row::no_verdict>},
    {"form", kOther, "",
     "the collective that the strategy is a form of: all_reduce (every rank gets the sums of all "
     "rows) or reduce_scatter (only those of its own)",
     of<&Row::form>},
    {"engine_path", kOther, "",
     "which engines run this strategy in this case, separated by ;: sglang-0.5.23, vllm-0.33, "
     "sglang-deterministic; by default, or with :FORM where --boundary-reduction FORM tells it to",
     of<&Row::engine_path>},
    {"graph_sizes", kCell, "",
     "captured sizes that decode rows of each DP rank are padded to, separated by ;, or engine: "
     "those of the engine whose rule the padding is; empty where rows are not padded so",
     of<&Row::graph_sizes>},
    {"rows_padded_pct", kOther, "%",
     "of the rows that travel, those that hold no token: padded to captured sizes, to other ranks "
     "or to attn_tp",
     of<&Row::rows_padded_pct>},
    {"nccl_version", kOther, "", "of the NCCL that ran; empty without NCCL",
     of<&Row::nccl_version>},
    {"nvls", kOther, "",
     "whether NCCL may reduce in the switch, as NCCL_NVLS_ENABLE has it on rank 0: off (0), on (1) "
     "or unknown (NCCL decides); empty without NCCL",
     of<&Row::nvls>},
    {"steps", kOther, "steps",
     "steps of steps_source that the case stands for; empty where tokens, load and phase were "
     "asked "
     "for",
     of<&Row::steps>},
    {"steps_source", kOther, "",
     "where the steps are from: the file of --steps, as typed, or synthetic traffic and what "
     "--traffic says",
     of<&Row::steps_source>},
    {"beside", kCell, "",
     "what ran while rows were exchanged, in samples of their own: none, or gemm, the experts of a "
     "second batch on another stream or core. gemm_us_median to gemm_shares_core are of these, and "
     "empty with none",
     of<&Row::beside>},
    {"gemm_us_median", kOther, "us", "the GEMM alone; the same for all strategies of a case",
     BesideUs<&Times::gemm_alone>::median},
    {"gemm_us_low", kOther, "us", "its 95 % interval", BesideUs<&Times::gemm_alone>::low},
    {"gemm_us_high", kOther, "us", "its 95 % interval", BesideUs<&Times::gemm_alone>::high},
    {"beside_output_us_median", kOther, "us",
     "the output step beside the GEMM, from their common start", BesideUs<&Times::output>::median},
    {"beside_output_us_low", kOther, "us", "its 95 % interval", BesideUs<&Times::output>::low},
    {"beside_output_us_high", kOther, "us", "its 95 % interval", BesideUs<&Times::output>::high},
    {"beside_gemm_us_median", kOther, "us", "the GEMM beside the output step, from there",
     BesideUs<&Times::gemm>::median},
    {"beside_gemm_us_low", kOther, "us", "its 95 % interval", BesideUs<&Times::gemm>::low},
    {"beside_gemm_us_high", kOther, "us", "its 95 % interval", BesideUs<&Times::gemm>::high},
    {"gemm_slowdown_pct", kOther, "%",
     "by how much longer the GEMM took beside the output step than alone, by round",
     BesideUs<&Times::slowdown_pct>::median},
    {"gemm_slowdown_pct_low", kOther, "%", "its 95 % interval",
     BesideUs<&Times::slowdown_pct>::low},
    {"gemm_slowdown_pct_high", kOther, "%", "its 95 % interval",
     BesideUs<&Times::slowdown_pct>::high},
    {"together_us_median", kOther, "us", "until both had ended",
     BesideUs<&Times::together>::median},
    {"together_us_low", kOther, "us", "its 95 % interval", BesideUs<&Times::together>::low},
    {"together_us_high", kOther, "us", "its 95 % interval", BesideUs<&Times::together>::high},
    {"in_turn_us_median", kOther, "us", "the GEMM and then the output step, on one stream",
     BesideUs<&Times::in_turn>::median},
    {"in_turn_us_low", kOther, "us", "its 95 % interval", BesideUs<&Times::in_turn>::low},
    {"in_turn_us_high", kOther, "us", "its 95 % interval", BesideUs<&Times::in_turn>::high},
    {"overlap_gain", kOther, "", "in_turn / together of the same round: above 1 the overlap pays",
     BesideUs<&Times::gain>::median},
    {"overlap_gain_low", kOther, "", "its 95 % interval", BesideUs<&Times::gain>::low},
    {"overlap_gain_high", kOther, "", "its 95 % interval", BesideUs<&Times::gain>::high},
    {"gemm_shares_core", kOther, "",
     "true: on some rank the GEMM took turns with a rank on one core, and these times say nothing; "
     "never with GPUs",
     of<&Row::beside_times, &Times::shares_core>},
    {"epilogue_kernel", kOther, "",
     "what does the epilogue: own, a kernel of its own after the strategy, or fused, the "
     "strategy's "
     "last pass; empty without an epilogue",
     of<&Row::epilogue_kernel>},
    {"output_limit_us", kOther, "us",
     "the least that the output step needs with this strategy (below); empty without a time or "
     "without rows",
     of<&Row::output_limit_us>},
    {"pct_of_output_limit", kOther, "%",
     "output_limit_us / output_us_median, empty without either: how near the step comes",
     of<&Row::pct_of_output_limit>},
});

}  // namespace

std::span<const Column> columns() {
    return kColumns;
}

}  // namespace moe
