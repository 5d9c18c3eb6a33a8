// The host's kernels over peer memory, as one rank of several whose peers have come already: what a
// rank does alone, without a wait.
#include "bench/micro/copy_floor.hpp"
#include "bench/micro/residual_norm_operands.hpp"
#include "kernels/host/host_device.hpp"
#include "kernels/host/peer_kernels.hpp"
#include "kernels/host/rank_flags.hpp"

#include <benchmark/benchmark.h>

#include <algorithm>
#include <array>
#include <chrono>
#include <cstdint>
#include <memory>
#include <vector>

namespace moe {
namespace {

constexpr std::int64_t kHidden = 2048;
constexpr std::int64_t kRows = 4096;

/// Words of a rank's flags.
using FlagWords = std::array<std::uint32_t, RankFlags::kWords>;

/// Flags by which every other rank is ahead for good.
std::vector<FlagWords> flags_of(std::size_t ranks) {
    constexpr auto kAhead = std::uint32_t{1} << 30U;
    std::vector<FlagWords> words(ranks, {kAhead, kAhead});
    words.front() = {};
    return words;
}

/// Bytes a second of a plain loop that reads `streams` streams of f32 and writes their sum: the
/// best of a few.
double read_and_sum_bandwidth(std::size_t streams, std::size_t bytes) {
    const auto count = bytes / sizeof(float);
    std::vector<std::vector<float>> from(streams, std::vector<float>(count, 0.5F));
    std::vector<float> to(count);
    double best = 0;
    for (int i = 0; i < 10; ++i) {
        const auto start = std::chrono::steady_clock::now();
        if (streams == 2) {
            for (std::size_t at = 0; at < count; ++at) to[at] = from[0][at] + from[1][at];
        } else {
            for (std::size_t at = 0; at < count; ++at) {
                float sum = 0;
                for (const auto& source : from) sum += source[at];
                to[at] = sum;
            }
        }
        benchmark::DoNotOptimize(to.data());
        const std::chrono::duration<double> took = std::chrono::steady_clock::now() - start;
        best = std::max(best, static_cast<double>((streams + 1) * bytes) / took.count());
    }
    return best;
}

/// One rank's part of reduce_scatterv_peer among range(0) ranks of which the others have come
/// already: `of_read_and_sum` is its share of a plain loop over as many bytes. With the epilogue in
/// it, if kNormed, one matrix more is read and two more are written.
template <DType kDType, bool kNormed = false>
void pull(benchmark::State& state) {
    const auto device = make_host_device();
    const auto stream = device->make_stream();
    const auto kernels = make_host_peer_kernels([] {});
    const auto ranks = static_cast<std::size_t>(state.range(0));
    const auto bytes = static_cast<std::size_t>(kRows * kHidden) * size_of(kDType);
    std::vector<std::vector<std::byte>> blocks(ranks, std::vector<std::byte>(bytes));
    auto words = flags_of(ranks);
    std::vector<std::byte*> data;
    std::vector<std::uint32_t*> flags;
    for (auto& block : blocks) data.push_back(block.data());
    for (auto& of_rank : words) flags.push_back(of_rank.data());
    Matrix all{nullptr, residual_norm_rows(kRows), kHidden, kDType};
    std::vector<std::byte> memory(all.bytes());
    all.data = memory.data();
    const auto norm = residual_norm_in(all, kRows);
    const PeerTable table{.data = data, .flags = flags, .rank = 0};
    for (auto _ : state) {
        kernels->pull_sum(
            table,
            {.rows = norm.rows, .offset = 0, .most_rows = kRows, .norm = kNormed ? &norm : nullptr},
            *stream);
        benchmark::DoNotOptimize(memory.data());
    }
    const auto moved = static_cast<double>((ranks + (kNormed ? 4 : 1)) * bytes);
    static const double bandwidth = read_and_sum_bandwidth(ranks, bytes);
    state.SetBytesProcessed(static_cast<std::int64_t>(moved) * state.iterations());
    state.counters["of_read_and_sum"] =
        benchmark::Counter(moved / bandwidth, benchmark::Counter::kIsIterationInvariantRate);
}
BENCHMARK(pull<DType::f32>)->Name("pull_f32")->Arg(2);
BENCHMARK(pull<DType::bf16>)->Name("pull_bf16")->Arg(2);
BENCHMARK(pull<DType::f16>)->Name("pull_f16")->Arg(2);
BENCHMARK(pull<DType::f32, true>)->Name("pull_norm_f32")->Arg(2);
BENCHMARK(pull<DType::bf16, true>)->Name("pull_norm_bf16")->Arg(2);
BENCHMARK(pull<DType::f16, true>)->Name("pull_norm_f16")->Arg(2);

/// One rank's part of reduce_scatterv_fused between two, each of which owns `kOwned` rows and has
/// `kEntries` expert rows for every row.
class TwoRanks : public benchmark::Fixture {
public:
    void SetUp(const benchmark::State& /*state*/) override {
        for (std::size_t rank = 0; rank < kRanks; ++rank) {
            blocks_[rank].resize(kBlockBytes);
            data_[rank] = blocks_[rank].data();
            flags_[rank] = words_[rank].data();
            fill(rows_of(data_[rank]), dense_of(data_[rank]));
        }
        out_.resize(kOwned * kHidden);
    }

protected:
    static constexpr std::size_t kRanks = 2;
    static constexpr std::int64_t kOwned = 512;
    static constexpr std::int64_t kAll = kRanks * kOwned;
    static constexpr std::int64_t kEntries = 4;
    static constexpr std::size_t kDenseBytes = sizeof(float) * kAll * kEntries * kHidden;
    static constexpr std::size_t kEntryBytes = sizeof(std::int32_t) * kAll * kEntries;
    static constexpr std::size_t kBlockBytes =
        kDenseBytes + 2 * kEntryBytes + sizeof(std::int32_t) * (kAll + 1);

    /// A rank's block: dense rows, weights, indices, offsets.
    static Matrix dense_of(std::byte* block) {
        return {block, kAll * kEntries, kHidden, DType::f32};
    }
    static WeightedRows rows_of(std::byte* block) {
        auto* weights = block + kDenseBytes;
        auto* indices = weights + kEntryBytes;
        return {kAll, reinterpret_cast<std::int32_t*>(indices + kEntryBytes),
                reinterpret_cast<std::int32_t*>(indices), reinterpret_cast<float*>(weights)};
    }
    /// As experts leave rows: those of one token lie far apart.
    static void fill(const WeightedRows& rows, const Matrix& dense) {
        std::fill_n(dense.as<float>(), dense.elements(), 0.5F);
        for (std::int64_t row = 0; row <= kAll; ++row) {
            rows.offsets[row] = static_cast<std::int32_t>(row * kEntries);
        }
        for (std::int64_t entry = 0; entry < kAll * kEntries; ++entry) {
            rows.indices[entry] =
                static_cast<std::int32_t>(entry % kEntries * kAll + entry / kEntries);
            rows.weights[entry] = 0.25F;
        }
    }
    [[nodiscard]] PeerTable table() const { return {.data = data_, .flags = flags_, .rank = 0}; }
    [[nodiscard]] Matrix out() {
        return {reinterpret_cast<std::byte*>(out_.data()), kOwned, kHidden, DType::bf16};
    }
    /// Of the expert rows that a rank sums, its own or all ranks' for its rows.
    static constexpr double kExpertBytes = kDenseBytes;
    static constexpr double kOwnBytes = sizeof(BFloat16) * kOwned * kHidden;

    std::unique_ptr<Device> device_ = make_host_device();
    std::unique_ptr<Stream> stream_ = device_->make_stream();
    std::unique_ptr<PeerKernels> kernels_ = make_host_peer_kernels([] {});
    std::array<std::vector<std::byte>, kRanks> blocks_;
    std::array<std::byte*, kRanks> data_{};
    std::vector<FlagWords> words_ = flags_of(kRanks);
    std::array<std::uint32_t*, kRanks> flags_{};
    std::vector<BFloat16> out_;
};

BENCHMARK_DEFINE_F(TwoRanks, pull_weighted)(benchmark::State& state) {
    const PullWeightedSum sum{.rows = rows_of(data_[0]),
                              .dense = dense_of(data_[0]),
                              .first = 0,
                              .out = out(),
                              .most_rows = kOwned};
    for (auto _ : state) kernels_->pull_weighted_sum(table(), sum, *stream_);
    report_bytes(state, kExpertBytes + kOwnBytes);
}
BENCHMARK_REGISTER_F(TwoRanks, pull_weighted);

/// What it sends is written once, and what has come is read once.
BENCHMARK_DEFINE_F(TwoRanks, push_weighted)(benchmark::State& state) {
    const std::array<std::int64_t, 3> first{0, kOwned, kAll};
    const PushPlan plan(PushShape::direct, first,
                        PushWeightedSum::inbox_row_bytes(out().row_bytes()));
    const std::vector<std::size_t> half_bytes(kRanks, plan.half_bytes(0));
    std::array<std::vector<std::byte>, kRanks> inboxes;
    std::array<std::byte*, kRanks> data{};
    for (std::size_t rank = 0; rank < kRanks; ++rank) {
        inboxes[rank].assign(2 * plan.half_bytes(0), std::byte{1});  // every row has come
        data[rank] = inboxes[rank].data();
    }
    const PeerTable inbox{.data = data, .flags = flags_, .rank = 0};
    const PushWeightedSum sum{.rows = rows_of(data_[0]),
                              .dense = dense_of(data_[0]),
                              .plan = plan,
                              .half_bytes = half_bytes,
                              .out = out()};
    for (auto _ : state) kernels_->push_weighted_sum(inbox, sum, *stream_);
    report_bytes(state, kExpertBytes + 3 * kOwnBytes);
}
BENCHMARK_REGISTER_F(TwoRanks, push_weighted);

}  // namespace
}  // namespace moe
