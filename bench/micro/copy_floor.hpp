#pragma once

#include <benchmark/benchmark.h>

namespace moe {

/// Counters of a kernel that reads and writes `bytes` in each iteration: `of_copy` is its share of
/// the bandwidth that a plain copy reaches in this run.
void report_bytes(benchmark::State& state, double bytes);

}  // namespace moe
