// The library's collectives by themselves, on all ranks of an mpirun: how long each takes, and what
// that is as bandwidth by the definitions of nccl-tests (PERFORMANCE.md): algbw = bytes / time,
// busbw = algbw times what a link has to carry of them. Two ways to take the time:
//   isolated      as the sweep does: all ranks begin together, the slowest one counts
//   back_to_back  as nccl-tests does: many calls in a row, one synchronisation, the mean of a call
//   graph         the same calls in one CUDA graph, where the device captures
// Beside the library's there are the all-reduces and the reduce_scatter of kernels over peer
// memory, where ranks map each other's; what others read is one matrix for all calls then.
// Successive calls walk through buffers beyond the cache, as in nccl-tests; --warm gives all the
// same memory. An iteration is one call, and --benchmark_min_time counts the calls alone: what
// agreeing on a common start takes is not in it.
#include "bench/measure/region_timer.hpp"
#include "bench/micro/collective_check.hpp"
#include "bench/micro/collective_options.hpp"
#include "bench/micro/collectives.hpp"
#include "bench/micro/nccl_tests_report.hpp"
#include "bench/micro/rotating_buffers.hpp"
#include "comm/backend.hpp"
#include "comm/machine.hpp"
#include "comm/mpi/mpi.hpp"
#include "comm/mpi/mpi_bootstrap.hpp"
#include "comm/named_table.hpp"

#include <benchmark/benchmark.h>
#include <fmt/format.h>

#include <algorithm>
#include <array>
#include <cstdint>
#include <cstdio>
#include <functional>
#include <map>
#include <memory>
#include <string>
#include <tuple>
#include <vector>

namespace moe {
namespace {

/// So many that launching the graph is small beside them.
constexpr int kCallsInAGraph = 200;

/// What all benchmarks of this process work with.
struct Bench {
    Backend& backend;
    Bootstrap& bootstrap;
    Timeline timeline;
    std::unique_ptr<Stream> stream;
    RegionTimer timer;
    RotatingBuffers buffers;
    bool checks{};
    /// Wrong elements of each call that was checked.
    std::map<std::tuple<const Communicator*, const Collective*, std::int64_t>, double> wrong;

    Bench(Backend& given, Bootstrap& ranks, bool one_clock, RotatingBuffers memory)
        : backend(given),
          bootstrap(ranks),
          timeline(ranks, one_clock),
          stream(given.device->make_stream()),
          timer(*given.device, timeline, *stream),
          buffers(std::move(memory)) {}
};

enum class Way : std::uint8_t { isolated, back_to_back, graph };
constexpr std::array<const char*, 3> kWays{"isolated", "back_to_back", "graph"};

void run_isolated(benchmark::State& state, Bench& bench, const std::string& name,
                  const std::function<void()>& region) {
    const bool by_device = bench.timer.by_device(bench.backend.world->size());
    for (auto _ : state) {
        const auto stamp = bench.timer.time(name, region, by_device);
        const double begin = bench.bootstrap.max(stamp.arrival);
        state.SetIterationTime(bench.bootstrap.max(stamp.exit) - begin);
    }
}

/// `calls` makes so many of them.
void run_in_a_row(benchmark::State& state, Bench& bench, int count,
                  const std::function<void()>& calls) {
    while (state.KeepRunningBatch(count)) {
        bench.bootstrap.barrier();
        const double begin = bench.timeline.now();
        calls();
        bench.stream->synchronize();
        // Of the whole batch, and of the slowest rank, so that all run as many iterations.
        state.SetIterationTime(bench.bootstrap.max(bench.timeline.now() - begin));
    }
}

void run(benchmark::State& state, Bench& bench, Communicator& world, const Collective& collective,
         Way way) {
    const auto matrix = matrix_of(state.range(0), world.size());
    const CallSetup setup{*bench.backend.device, world, *bench.stream, way == Way::graph};
    const auto call = collective.prepare(setup, matrix);
    const auto region = [&] {
        const auto [in, out] = bench.buffers.next(matrix);
        call.run(in, out);
    };
    const auto in_a_row = [&](int count) {
        for (int i = 0; i < count; ++i) region();
    };
    for (int i = 0; i < kWarmUps; ++i) region();  // connections, buffers
    bench.stream->synchronize();
    if (bench.checks) {
        const auto [known, is_new] =
            bench.wrong.try_emplace({&world, &collective, state.range(0)}, 0);
        if (is_new) {
            known->second =
                count_wrong(setup, bench.bootstrap, collective, call, bench.buffers.next(matrix));
        }
        state.counters[kWrong] = known->second;
    }
    if (way == Way::isolated) {
        run_isolated(state, bench, collective.name, region);
    } else if (way == Way::back_to_back) {
        run_in_a_row(state, bench, kCallsInARow, [&] { in_a_row(kCallsInARow); });
    } else {
        const auto graph = bench.stream->capture([&] { in_a_row(kCallsInAGraph); });
        graph->launch(*bench.stream);
        bench.stream->synchronize();
        run_in_a_row(state, bench, kCallsInAGraph, [&] { graph->launch(*bench.stream); });
    }
    using benchmark::Counter;
    const auto moved = static_cast<double>(matrix.bytes()) * 1e-9;
    const double factor = collective.bus_factor(world.size());
    state.counters["algbw_gbps"] = Counter(moved, Counter::kIsIterationInvariantRate);
    state.counters["busbw_gbps"] = Counter(moved * factor, Counter::kIsIterationInvariantRate);
}

/// All ranks run; one of them tells.
class Silent final : public benchmark::BenchmarkReporter {
public:
    bool ReportContext(const Context& /*context*/) override { return true; }
    void ReportRuns(const std::vector<Run>& /*runs*/) override {}
};

/// The ways that the device knows; of nccl-tests there is one.
std::vector<Way> ways_of(const Device& device, const CollectiveOptions& options) {
    if (options.nccl_tests) return {Way::back_to_back};
    if (!device.capture_obstacle().empty()) return {Way::isolated, Way::back_to_back};
    return {Way::isolated, Way::back_to_back, Way::graph};
}

/// Every collective on one communicator, in every way.
void register_all(Bench& bench, Communicator& world, const std::string& suffix,
                  const CollectiveOptions& options) {
    const bool peers = world.peer_obstacle(Reach::load_store).empty();
    for (const auto& collective : collectives()) {
        if (collective.peer && !peers) continue;
        for (const auto way : ways_of(*bench.backend.device, options)) {
            auto name = std::string(collective.name);
            if (!options.nccl_tests)
                name += fmt::format("/{}", kWays.at(static_cast<std::size_t>(way)));
            auto* registered = benchmark::RegisterBenchmark(
                (name + suffix).c_str(), [&bench, &world, &collective, way](auto& state) {
                    run(state, bench, world, collective, way);
                });
            registered->UseManualTime()->Unit(benchmark::kMicrosecond);
            for (const auto size : options.sizes(world.size())) registered->Arg(size);
        }
    }
}

void measure(int argc, char** argv, Bootstrap& bootstrap) {
    auto arguments = parse_collective_options(argc, argv);
    const bool tells = bootstrap.rank() == 0;
    if (!arguments.help.empty()) {
        if (tells) fmt::print("{}", arguments.help);
        return;
    }
    if (!tells) {
        std::erase_if(arguments.rest,
                      [](const auto& text) { return text.starts_with("--benchmark_out"); });
    }
    std::vector<char*> rest{argv[0]};
    for (auto& text : arguments.rest) rest.push_back(text.data());
    int count = static_cast<int>(rest.size());
    benchmark::Initialize(&count, rest.data());
    if (count > 1) throw BadArgument(fmt::format("no option {}", rest[1]));

    auto backend = find_named(backend_table(), arguments.backend, "backend")
                       .open({.share_gpu = arguments.share_gpu});
    const auto machine = discover_machine(bootstrap);
    Bench bench(backend, bootstrap, machine.one_clock,
                RotatingBuffers(*backend.device, bootstrap,
                                matrix_of(arguments.largest, backend.world->size()),
                                backend.placement.sharing_memory, arguments.warm));
    bench.checks = arguments.nccl_tests && arguments.check != 0;
    std::map<std::int64_t, std::unique_ptr<Communicator>> tuned;
    for (const auto sms : arguments.sms) {
        if (sms == 0) {
            register_all(bench, *backend.world, "", arguments);
            continue;
        }
        const auto obstacle = backend.world->sms_obstacle(sms);
        if (!obstacle.empty()) throw BadArgument(fmt::format("--sms {}: {}", sms, obstacle));
        tuned[sms] = backend.world->with_sms(sms);
        register_all(bench, *tuned[sms], fmt::format("/sms:{}", sms), arguments);
    }
    std::unique_ptr<NcclTestsReport> report;
    if (arguments.nccl_tests) {
        report = std::make_unique<NcclTestsReport>(arguments, backend, bootstrap,
                                                   std::vector<std::string>(argv, argv + argc));
    }
    const auto mebibytes = [](std::size_t bytes) {
        return fmt::format("{:.1f} MiB", static_cast<double>(bytes) / (1U << 20U));
    };
    benchmark::AddCustomContext(
        "buffers", arguments.warm
                       ? "all calls use the same memory (--warm)"
                       : fmt::format("calls walk through two of {} each; the largest cache has {}",
                                     mebibytes(bench.buffers.bytes()),
                                     mebibytes(backend.device->cache_bytes())));
    if (tells && report) {
        benchmark::RunSpecifiedBenchmarks(report.get());
    } else if (tells) {
        fmt::print("{} backend on {}, {} ranks, {}\n", backend.name, backend.device->name(),
                   backend.world->size(),
                   backend.libraries.substr(0, backend.libraries.find('\n')));
        for (const auto& warning : backend.warnings) fmt::print("WARNING: {}\n", warning);
        benchmark::RunSpecifiedBenchmarks();
    } else {
        Silent silent;
        benchmark::RunSpecifiedBenchmarks(&silent);
    }
    benchmark::ClearRegisteredBenchmarks();
}

}  // namespace
}  // namespace moe

int main(int argc, char** argv) {
    const moe::mpi::Session session(argc, argv);
    const auto bootstrap = moe::make_mpi_bootstrap();
    try {
        moe::measure(argc, argv, *bootstrap);
    } catch (const moe::BadArgument& error) {
        if (bootstrap->rank() == 0) {
            fmt::print(stderr, "bench_collectives: {}\n", error.what());
            std::fflush(stderr);
        }
        bootstrap->barrier();  // nobody leaves before the line is out: mpirun ends the job then
        return 2;
    } catch (const std::exception& error) {
        fmt::print(stderr, "rank {}: {}\n", bootstrap->rank(), error.what());
        MPI_Abort(MPI_COMM_WORLD, 3);
    }
    return 0;
}
