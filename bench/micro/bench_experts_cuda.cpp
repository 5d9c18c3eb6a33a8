// The experts' matrix products and activation. Their sizes are those of torch_anchor.py.
#include "bench/micro/gpu_bench.hpp"
#include "kernels/cuda/cuda.hpp"
#include "kernels/cuda/layer_kernels.hpp"
#include "kernels/cuda/swiglu.hpp"

#include <fmt/format.h>

namespace moe {
namespace {

void swiglu(benchmark::State& state, const GpuBench& bench) {
    constexpr std::int64_t kRows = 65536;
    constexpr std::int64_t kWidth = 2048;
    const auto gate_up = bench.random(kRows * 2 * kWidth);
    const auto out = bench.random(kRows * kWidth);
    bench.run(state, [&] {
        cuda::launch_swiglu(gate_up.matrix(kRows, 2 * kWidth, kType),
                            out.matrix(kRows, kWidth, kType), cuda::native(bench.stream()));
    });
    bench.report(state, static_cast<double>(gate_up.bytes() + out.bytes()));
}

/// Weights of a layer's experts, read once, are the floor with few rows; arithmetic with many.
struct Experts {
    std::int64_t count, hidden, intermediate;
};
constexpr Experts kExperts[] = {{64, 4096, 1024}, {128, 2048, 768}};

void experts(benchmark::State& state, const GpuBench& bench, const Experts& size) {
    const auto rows = size.count * state.range(0);
    const auto kernels =
        make_cuda_layer_kernels_factory()->make(bench.device(), {.rows = rows,
                                                                 .permuted_rows = rows,
                                                                 .hidden = size.hidden,
                                                                 .experts = size.count,
                                                                 .local_experts = size.count,
                                                                 .top_k = 1,
                                                                 .intermediate = size.intermediate,
                                                                 .wire = kType});
    const auto mlp = size.count * size.hidden * size.intermediate;
    const auto x = bench.random(rows * size.hidden);
    const auto out = bench.random(rows * size.hidden);
    const auto gate_up = bench.random(2 * mlp, 1.0F / 2048);
    const auto down = bench.random(mlp, 1.0F / 1024);
    std::vector<std::int32_t> offsets;
    for (std::int64_t e = 0; e <= size.count; ++e) {
        offsets.push_back(static_cast<std::int32_t>(e * state.range(0)));
    }
    const auto on_device = bench.upload(offsets);
    bench.run(state, [&] {
        kernels->experts({x.matrix(rows, size.hidden, kType),
                          on_device.as<std::int32_t>(),
                          size.count,
                          {gate_up.data(), down.data(), size.intermediate},
                          out.matrix(rows, size.hidden, kType)},
                         bench.stream());
    });
    bench.report(state,
                 3 * static_cast<double>(mlp) * kElement + 2 * static_cast<double>(x.bytes()),
                 6 * static_cast<double>(rows * size.hidden * size.intermediate));
}

}  // namespace

void add_experts(const GpuBench& bench) {
    add_benchmark("swiglu", [&](auto& state) { swiglu(state, bench); });
    for (const auto& size : kExperts) {
        add_benchmark(fmt::format("experts/{}x{}x{}", size.count, size.hidden, size.intermediate),
                      [&bench, &size](auto& state) { experts(state, bench, size); })
            ->Arg(16)
            ->Arg(256)
            ->Arg(1024);
    }
}

}  // namespace moe
