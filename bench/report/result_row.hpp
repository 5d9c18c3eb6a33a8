#pragma once

#include "bench/measure/statistics.hpp"
#include "bench/report/no_verdict.hpp"
#include "comm/placement.hpp"

#include <cstdint>
#include <optional>
#include <span>
#include <string>
#include <vector>

namespace moe {

constexpr std::int64_t kSchemaVersion = 1;

/// All samples of one region for one strategy, in microseconds, and their speed-up over the
/// baseline where that was timed.
struct Timing {
    Estimate us;
    std::optional<double> min;
    std::optional<double> p95;
    std::optional<double> p99;
    std::optional<Estimate> speedup{};
    std::optional<double> iqr{};

    /// Whether the strategy is shown to be faster or slower than the baseline.
    [[nodiscard]] bool resolved() const { return speedup && speedup->excludes(1); }
};

/// The output step and the experts of a second batch, medians in microseconds.
struct BesideTimes {
    Estimate gemm_alone, output, gemm, together, in_turn;
    Estimate slowdown_pct;  ///< of the GEMM, beside the output step over alone, by round
    Estimate gain;          ///< in_turn / together, by round
    bool shares_core{};     ///< the GEMM took turns with a rank on one core
};

/// One row of the results: a case and one strategy. columns.hpp says how it is written.
struct ResultRow {
    // What ran, in the order of the columns.
    std::string run_id, case_id, backend, device;
    Claim claim{};
    std::string transport;
    std::int64_t launch{1}, launches_planned{1}, hosts{}, ranks{}, ranks_per_device{};
    std::string model;
    std::int64_t hidden{}, experts{}, top_k{}, intermediate{}, shared_intermediate{};
    std::int64_t scale_experts{}, tokens{};
    std::string load;
    std::vector<std::int64_t> tokens_per_rank;  ///< of each DP rank; empty if it could not be made
    std::string routing, phase, padding;
    std::optional<std::int64_t> rows;
    std::int64_t dp{}, ep{};
    std::optional<std::int64_t> attn_tp, moe_tp;
    std::string gather, combine, variant, dtype, graph, scope, cache, mode;
    std::int64_t layers{1};
    std::string epilogue;
    std::int64_t seed{};
    double planted_pct{};
    std::string sglang_path;
    std::string engine_path;  ///< engines that run it so by default
    bool is_baseline{};
    bool by_table{};  ///< the strategy chose another one, `variant`, by a table

    // Whether it is right, or why it did not run.
    std::optional<bool> verified;
    std::optional<double> rms_error;
    std::string obstacle;

    // What was measured.
    std::optional<std::int64_t> samples;
    std::string stop_reason;
    std::optional<Timing> layer, output, combine_alone;
    struct Phases {
        double gather{}, route{}, permute{}, experts{}, local_combine{}, shared{}, wait{},
            arrival_spread{};
        std::optional<double> instrumentation_pct{};
    };
    std::optional<Phases> phases;  ///< microseconds

    // What it moves.
    std::optional<std::int64_t> link_bytes, memory_bytes, launches;
    /// Bytes of the contract: (ranks - 1) / ranks * rows * row bytes; and of the whole matrix.
    double contract_bytes{}, matrix_bytes{};
    /// The least that any strategy, and this one, needs for the exchange.
    std::optional<double> contract_limit_us, limit_us;
    std::optional<double> output_limit_us;  ///< of its whole output step
    std::string scoring;
    bool shared_gate{};
    std::string detail;
    /// The same bits from run to run, and whichever DP rank owns a row.
    std::optional<bool> repeatable, owner_independent;
    std::optional<std::int64_t> repeats;
    /// Of the output samples, by the candidate that ran before: see carry_over.hpp.
    std::optional<double> predecessor_pct, predecessor_p;
    std::string timed_by;  ///< device or host: whose clock took the output samples
    std::optional<std::int64_t> clock_before_mhz, clock_after_mhz;
    std::string form;            ///< the collective that the strategy is a form of
    std::string input;           ///< what the strategy reads, and how far its memory reaches
    std::string throttled;       ///< what held a rank's clocks back at the end, separated by ;
    std::string experts_kernel;  ///< what the routed experts ran on, separated by ;
    bool experts_tuned{true};    ///< whether that is tuned for the device
    std::int64_t skew_us{};
    std::string graph_sizes;                ///< captured sizes that decode rows are padded to
    std::optional<double> rows_padded_pct;  ///< of the rows, those that hold no token
    std::string nccl_version, nvls;         ///< empty without NCCL
    /// Of the time of the case's samples, the share that the most disturbed rank waited for its
    /// processor; empty where the kernel does not tell, or ranks share cores.
    std::optional<double> disturbed_pct;
    /// Multiprocessors that communication uses, or "default" where the library chooses; empty where
    /// there are none.
    std::string sms;
    /// Steps that the case stands for, and where they are from; empty without.
    std::optional<std::int64_t> steps;
    std::string steps_source;
    std::string beside;                       ///< what ran beside the output step, or none
    std::optional<BesideTimes> beside_times;  ///< where something did
    std::string epilogue_kernel;              ///< own or fused; empty without an epilogue

    /// 1e9 bytes a second that the exchange moves, of the whole matrix and of the contract's bytes.
    [[nodiscard]] std::optional<double> algbw_gbps() const;
    [[nodiscard]] std::optional<double> busbw_gbps() const;
    /// What the limit is of the time of the exchange, in percent.
    [[nodiscard]] std::optional<double> pct_of_limit() const;
    [[nodiscard]] std::optional<double> pct_of_output_limit() const;
    /// Of the whole layer.
    [[nodiscard]] std::optional<double> tokens_per_s() const;

    /// Whether the exchange took less time than its limit, or than the contract's, by more than a
    /// tenth.
    [[nodiscard]] bool above_limit() const;
    [[nodiscard]] bool above_contract_limit() const;
    /// Whether others worked on the ranks' cores for too long. What a device's clock took, the
    /// host's waiting is not in.
    [[nodiscard]] bool disturbed() const;
    /// Why the times of this row say nothing about speed, all reasons; empty where they may.
    [[nodiscard]] std::vector<NoVerdict> no_verdict() const;
    /// What is strange about the times: above_limit, above_contract_limit, throttled, disturbed,
    /// separated by ;
    [[nodiscard]] std::string flags() const;
};

/// The row of a case with the shortest output step; null where none was timed.
[[nodiscard]] const ResultRow* fastest(std::span<const ResultRow> rows);

/// Why a case, whose rows are compared with each other, has no winner: the first reason of any row.
[[nodiscard]] std::optional<NoVerdict> no_verdict(std::span<const ResultRow> rows);

}  // namespace moe
