// Each kernel of the layer on one GPU against its floor: the bytes it must move at the bandwidth
// that a plain copy of a gigabyte reaches in the same run. Counters: `of_copy` is the share of that
// floor reached (1 = as fast as the copy), `tflops` what the matrix products do.
#include "bench/micro/gpu_bench.hpp"

#include <fmt/format.h>

#include <cstdio>

int main(int argc, char** argv) {
    benchmark::Initialize(&argc, argv);
    if (benchmark::ReportUnrecognizedArguments(argc, argv)) return 2;
    try {
        const moe::GpuBench bench;
        fmt::print("{}: a copy reads and writes {:.0f} GB/s\n", bench.device().name(),
                   bench.copy_bandwidth() * 1e-9);
        moe::add_copies(bench);
        moe::add_row_path(bench);
        moe::add_experts(bench);
        benchmark::RunSpecifiedBenchmarks();
        benchmark::ClearRegisteredBenchmarks();
    } catch (const moe::BadArgument& error) {
        fmt::print(stderr, "bench_kernels_cuda: {}\n", error.what());
        return 2;
    } catch (const moe::Error& error) {
        fmt::print(stderr, "bench_kernels_cuda: {}\n", error.what());
        return 3;
    }
    return 0;
}
