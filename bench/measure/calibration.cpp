#include "bench/measure/calibration.hpp"

#include "bench/measure/region_chain.hpp"
#include "bench/measure/statistics.hpp"
#include "comm/owners_inbox.hpp"
#include "comm/row_buffer.hpp"
#include "comm/speeds.hpp"

#include <algorithm>
#include <limits>
#include <numeric>
#include <optional>
#include <utility>
#include <vector>

namespace moe {
namespace {

/// A few milliseconds for each size: a peak needs one undisturbed run, not an interval.
constexpr StopRule kRule{.min_samples = 5, .budget_seconds = 5e-3, .ci = 0};
constexpr std::uint64_t kSeed = 1;
/// No clock tells shorter times apart.
constexpr double kShortestSeconds = 1e-9;
constexpr DType kSent = DType::f32;
/// Bytes. Alignment of a block, for vector units and NCCL.
constexpr std::int64_t kAlignment = 64;

/// Beyond twice the largest cache nothing changes but the time that it takes; and MPI counts
/// elements in 32 bits.
std::int64_t capped(std::int64_t bytes, const Device& device) {
    constexpr std::int64_t kMax = std::int64_t{1} << 30U;
    return std::min({bytes, 2 * static_cast<std::int64_t>(device.cache_bytes()), kMax});
}

/// Bytes of each of the `count` aligned blocks that hold `bytes` together.
std::int64_t block_bytes(std::int64_t bytes, std::int64_t count) {
    const auto block = (bytes + count - 1) / count;
    return (block + kAlignment - 1) / kAlignment * kAlignment;
}

/// A matrix of `count` rows of `bytes` each, one block a row, and its memory.
struct Blocks {
    Blocks(Device& device, std::int64_t count, std::int64_t bytes, DType dtype)
        : buffer(device.allocate(static_cast<std::size_t>(count * bytes))),
          matrix(buffer.matrix(count, bytes / static_cast<std::int64_t>(size_of(dtype)), dtype)) {}

    Buffer buffer;
    Matrix matrix;
};

/// Operands of one sum: one from each rank, up to the device's limit.
std::int64_t operands_of(const Device& device, const Communicator& world) {
    return static_cast<std::int64_t>(
        std::min<std::size_t>(static_cast<std::size_t>(world.size()), device.max_operands()));
}

/// Whether every rank finds room for `bytes` that all reach. Collective.
bool has_peer_room(Communicator& world, std::size_t bytes) {
    return world.peer_obstacle(Reach::load_store).empty() &&
           world.no_peer_room(bytes, Reach::load_store).empty();
}

/// Every rank sends each other one a block of `bytes`.
PushPlan one_block_each(const Communicator& world, std::size_t bytes) {
    std::vector<std::int64_t> first(static_cast<std::size_t>(world.size()) + 1);
    std::iota(first.begin(), first.end(), 0);
    return {PushShape::direct, first, bytes};
}

}  // namespace

Calibration::Calibration(const Parts& parts)
    : parts_(parts),
      stream_(parts.device.make_stream()),
      timer_(parts.device, parts.timeline, *stream_) {
    // Ranks wait for each other inside kernels of such a device: less than a host could time.
    if (parts_.device.make_stream_gate()) return;
    auto& bootstrap = parts_.bootstrap;
    const std::vector<Candidate> barrier{{[] {}, [&] { bootstrap.barrier(); }}};
    const auto series = sample(barrier, nullptr);  // the host's own work
    barrier_ = bootstrap.broadcast(
        bootstrap.rank() == 0 ? estimate_median(series.seconds.front()).median : 0);
}

Series Calibration::sample(std::span<const Candidate> candidates, RegionTimer* timer) {
    Sampler sampler({parts_.bootstrap, parts_.timeline, *stream_, timer});
    return sampler.measure(candidates, kRule, kSeed, [](double) {});
}

double Calibration::fastest(std::span<const Candidate> candidates) {
    if (chained_) return fastest_in_chains(candidates);
    double best = std::numeric_limits<double>::infinity();
    for (const auto& samples : sample(candidates, &timer_).seconds) {
        for (const double seconds : samples) best = std::min(best, seconds);
    }
    return std::max(parts_.bootstrap.broadcast(best), kShortestSeconds);
}

double Calibration::fastest_in_chains(std::span<const Candidate> candidates) {
    constexpr int kLaunches = 3;
    double best = std::numeric_limits<double>::infinity();
    for (const auto& way : candidates) {
        way.warm_up();
        way.run();  // what libraries do for the first time cannot be captured
        RegionChain chain({parts_.device, parts_.world, *stream_, RegionChain::length_for(1), true},
                          way.warm_up, [&] {
                              way.run();
                              return Matrix{};
                          });
        for (int launch = 0; launch < kLaunches; ++launch) {
            chain.launch();
            stream_->synchronize();
            for (const double seconds : chain.seconds()) {
                best = std::min(best, parts_.bootstrap.max(seconds));
            }
        }
    }
    return std::max(best, kShortestSeconds);
}

double Calibration::update(Peak& peak, std::int64_t bytes, std::span<const Candidate> candidates) {
    const double bandwidth = static_cast<double>(bytes) / fastest(candidates);
    peak = {std::max(peak.bandwidth, bandwidth), case_};
    return peak.bandwidth;
}

double Calibration::link_bandwidth(std::int64_t bytes) {
    const auto sent = capped(bytes, parts_.device);
    auto& peak = link_[{sent, chained_}];
    if (peak.measured_in == case_) return peak.bandwidth;

    auto& device = parts_.device;
    auto& world = parts_.world;
    const std::int64_t ranks = world.size();
    const auto block = block_bytes(sent, ranks - 1);
    const auto bytes_of_all = static_cast<std::size_t>(ranks * block);
    auto plan = one_block_each(world, static_cast<std::size_t>(block));
    const auto inbox_bytes = 2 * plan.half_bytes(world.rank());
    const auto reach = has_peer_room(world, bytes_of_all + inbox_bytes)
                           ? std::optional(Reach::load_store)
                           : std::nullopt;
    const auto cols = block / static_cast<std::int64_t>(size_of(kSent));
    const RowBuffer from(device, world, reach, ranks, cols, kSent);
    const Blocks to(device, ranks, block, kSent);
    const auto& in = from.matrix();
    const auto& out = to.matrix;
    const RowPartition even(std::vector<std::int64_t>(static_cast<std::size_t>(ranks), 1));
    // What is sent was just written by its rank.
    const auto write = [&] { device.clear(in, *stream_); };
    std::vector<Candidate> candidates{
        {write, [&] { world.all_to_all_v(in, even, out, *stream_); }},
        {write, [&] { world.all_gather(in.slice(0, 1), out, *stream_); }}};
    std::optional<OwnersInbox> inbox;
    if (reach) {
        inbox.emplace(world, std::move(plan));
        candidates.push_back({write, [&] {  // by words that carry their own news, on a device
                                  world.peer_kernels()->push_sum(inbox->memory()->table(),
                                                                 {.in = in,
                                                                  .plan = inbox->plan(),
                                                                  .half_bytes = inbox->half_bytes(),
                                                                  .out = out.slice(0, 1)},
                                                                 *stream_);
                              }});
        const auto own = static_cast<std::size_t>(world.rank() * block);
        candidates.push_back({write, [&, own] {
                                  world.peer_kernels()->pull_sum(
                                      from.memory()->table(),
                                      {.rows = out.slice(0, 1), .offset = own, .most_rows = 1},
                                      *stream_);
                              }});
        candidates.push_back({write, [&, own] {
                                  world.peer_kernels()->push_copy(
                                      from.memory()->table(),
                                      {.rows = out.slice(0, 1), .offset = own, .most_rows = 1},
                                      *stream_);
                              }});
    }
    return update(peak, (ranks - 1) * block, candidates);
}

double Calibration::memory_bandwidth(std::int64_t bytes, DType dtype) {
    const auto read = capped(bytes, parts_.device);
    auto& peak = memory_[{read, dtype, chained_}];
    if (peak.measured_in == case_) return peak.bandwidth;

    auto& device = parts_.device;
    const auto count = operands_of(device, parts_.world);
    const auto block = block_bytes(read, count);
    const Blocks from(device, count, block, dtype);
    const Blocks to(device, 1, block, dtype);
    std::vector<Matrix> operands;
    for (std::int64_t i = 0; i < count; ++i) operands.push_back(from.matrix.slice(i, 1));
    const std::vector<Candidate> candidates{{[&] { device.clear(from.matrix, *stream_); },
                                             [&] {
                                                 if (count == 1) {
                                                     device.copy(from.matrix, to.matrix, *stream_);
                                                 } else {
                                                     device.sum(operands, to.matrix, *stream_);
                                                 }
                                             }}};
    return update(peak, (count + 1) * block, candidates);
}

double Calibration::limit(const Cost& cost, std::int64_t matrix_bytes, DType dtype) {
    auto memory = memory_bandwidth(matrix_bytes, dtype);
    if (cost.memory_bytes < static_cast<std::int64_t>(parts_.device.cache_bytes())) {
        // What takes time there is each launch more than its bytes: one of all bytes is the least.
        const auto count = operands_of(parts_.device, parts_.world);
        const auto read = std::max<std::int64_t>(cost.memory_bytes / (count + 1) * count, 1);
        memory = std::max(memory, memory_bandwidth(read, dtype));
    }
    return limit_seconds(cost, {.link = cost.link_bytes > 0 ? link_bandwidth(cost.link_bytes) : 0,
                                .memory = memory,
                                .barrier = barrier_});
}

std::size_t Calibration::bytes(const Device& device, const Communicator& world,
                               std::int64_t link_bytes, std::int64_t matrix_bytes) {
    const std::int64_t ranks = world.size();
    const auto exchange =
        ranks == 1 ? 0 : 4 * ranks * block_bytes(capped(link_bytes, device), ranks - 1);
    const auto count = operands_of(device, world);
    const auto sum = (count + 1) * block_bytes(capped(matrix_bytes, device), count);
    return static_cast<std::size_t>(std::max(exchange, sum));
}

}  // namespace moe
