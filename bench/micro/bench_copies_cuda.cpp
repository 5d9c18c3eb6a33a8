// Copies, fills and sums of rows, and their norm: what the output step is made of on one GPU.
#include "bench/micro/gpu_bench.hpp"
#include "bench/micro/residual_norm_operands.hpp"

namespace moe {
namespace {

void sum_rows(benchmark::State& state, const GpuBench& bench) {
    const auto operands = state.range(0);
    const std::int64_t rows = kGibibyte / 2 / 4096 / operands;
    const auto from = bench.random(operands * rows * 4096);
    const auto to = bench.random(rows * 4096);
    std::vector<Matrix> parts;
    for (std::int64_t i = 0; i < operands; ++i) {
        parts.push_back(from.matrix(operands * rows, 4096, kType).slice(i * rows, rows));
    }
    bench.run(state,
              [&] { bench.device().sum(parts, to.matrix(rows, 4096, kType), bench.stream()); });
    bench.report(state, static_cast<double>(from.bytes() + to.bytes()));
}

/// Rows of `ranks` ranks, the last of which has three times as many as the first, into blocks that
/// are as long as the longest: what the padded strategies do before and after they exchange.
void pad(benchmark::State& state, const GpuBench& bench) {
    constexpr std::int64_t kWidth = 4096;
    const auto ranks = state.range(0);
    const auto mean = kGibibyte / 2 / kWidth / ranks;
    const auto rows_of = [&](std::int64_t rank) { return mean / 2 + mean * rank / (ranks - 1); };
    const auto longest = rows_of(ranks - 1);
    const auto from = bench.random(ranks * mean * kWidth);
    const auto to = bench.random(ranks * longest * kWidth);
    const auto rows = from.matrix(ranks * mean, kWidth, kType);
    const auto blocks = to.matrix(ranks * longest, kWidth, kType);
    std::vector<Copy> copies;
    std::int64_t start = 0;
    for (std::int64_t rank = 0; rank < ranks; ++rank) {
        const auto count = rows_of(rank);
        copies.push_back({rows.slice(start, count), blocks.slice(rank * longest, count)});
        start += count;
    }
    bench.run(state, [&] { bench.device().copy_all(copies, bench.stream()); });
    bench.report(state, 2 * static_cast<double>(rows.slice(0, start).bytes()));
}

void clear(benchmark::State& state, const GpuBench& bench) {
    const auto to = bench.random(kGibibyte / 2);
    bench.run(state,
              [&] { bench.device().clear(to.matrix(1, kGibibyte / 2, kType), bench.stream()); });
    bench.report(state, static_cast<double>(to.bytes()));
}

/// The baseline's dp_scatter: a rank's own rows out of all of them, into an output cleared before.
void dp_scatter(benchmark::State& state, const GpuBench& bench) {
    constexpr std::int64_t kWidth = 4096;
    constexpr std::int64_t kRanks = 2;
    const auto rows = state.range(0);
    const auto all = bench.random(kRanks * rows * kWidth);
    const auto mine = bench.random(rows * kWidth);
    const auto own = all.matrix(kRanks * rows, kWidth, kType).slice(rows, rows);
    const auto to = mine.matrix(rows, kWidth, kType);
    bench.run(state, [&] {
        bench.device().clear(to, bench.stream());
        bench.device().copy(own, to, bench.stream());
    });
    bench.report(state, 3 * static_cast<double>(to.bytes()));
}

/// The epilogue of an output step.
void residual_norm(benchmark::State& state, const GpuBench& bench) {
    constexpr std::int64_t kWidth = 4096;
    const auto rows = state.range(0);
    const auto all_rows = residual_norm_rows(rows);
    const auto memory = bench.random(all_rows * kWidth);
    const auto norm = residual_norm_in(memory.matrix(all_rows, kWidth, kType), rows);
    bench.run(state, [&] { bench.device().residual_norm(norm, bench.stream()); });
    bench.report(state, residual_norm_bytes(norm));
}

}  // namespace

void add_copies(const GpuBench& bench) {
    add_benchmark("pad", [&](auto& state) { pad(state, bench); })->Arg(2)->Arg(8)->Arg(64);
    add_benchmark("clear", [&](auto& state) { clear(state, bench); });
    add_benchmark("dp_scatter", [&](auto& state) { dp_scatter(state, bench); })
        ->Arg(8)
        ->Arg(2048)
        ->Arg(65536);
    add_benchmark("residual_norm", [&](auto& state) { residual_norm(state, bench); })
        ->Arg(8)
        ->Arg(2048)
        ->Arg(65536);
    add_benchmark("sum", [&](auto& state) { sum_rows(state, bench); })->Arg(2)->Arg(8);
}

}  // namespace moe
