#include "bench/micro/copy_floor.hpp"

#include <algorithm>
#include <chrono>
#include <cstddef>
#include <cstdint>
#include <cstring>
#include <vector>

namespace moe {
namespace {

/// Bytes read and written by a copy of `bytes`, per second: the best of a few, since a floor that a
/// busy machine raises is none.
double copy_bandwidth(std::size_t bytes) {
    std::vector<std::byte> from(bytes), to(bytes);
    double best = 0;
    for (int i = 0; i < 10; ++i) {
        const auto start = std::chrono::steady_clock::now();
        std::memcpy(to.data(), from.data(), bytes);
        benchmark::DoNotOptimize(to.data());
        const std::chrono::duration<double> took = std::chrono::steady_clock::now() - start;
        best = std::max(best, 2 * static_cast<double>(bytes) / took.count());
    }
    return best;
}

}  // namespace

void report_bytes(benchmark::State& state, double bytes) {
    static const double bandwidth = copy_bandwidth(std::size_t{64} << 20U);
    state.SetBytesProcessed(static_cast<std::int64_t>(bytes) * state.iterations());
    state.counters["of_copy"] =
        benchmark::Counter(bytes / bandwidth, benchmark::Counter::kIsIterationInvariantRate);
}

}  // namespace moe
