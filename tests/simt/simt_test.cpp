// CUDA kernels without a GPU: what they compute, and under ThreadSanitizer whether threads that
// work together waited for each other.
#include "kernels/cuda/copy.hpp"
#include "kernels/cuda/patience.hpp"
#include "kernels/cuda/permute.hpp"
#include "kernels/cuda/residual_norm.hpp"
#include "kernels/cuda/topk.hpp"
#include "kernels/cuda/wait.cuh"
#include "kernels/host/host_device.hpp"
#include "kernels/host/host_layer_kernels.hpp"
#include "tests/choices.hpp"

#include <fmt/format.h>
#include <gtest/gtest.h>

#include <algorithm>
#include <chrono>
#include <cmath>
#include <cstdint>
#include <functional>
#include <limits>
#include <numeric>
#include <random>
#include <thread>
#include <vector>

namespace moe {
namespace {

constexpr float kInfinity = std::numeric_limits<float>::infinity();

float normal(std::mt19937& random) {
    return std::normal_distribution<float>()(random);
}

/// Ways that logits differ.
struct Logits {
    const char* name;
    std::function<float(std::mt19937&, std::int64_t expert)> one;
};
const std::vector<Logits>& kinds_of_logits() {
    static const std::vector<Logits> kinds{
        {"normal", [](auto& random, auto) { return normal(random); }},
        {"alike", [](auto&, auto) { return 1.0F; }},
        {"few values", [](auto& random, auto) { return static_cast<float>(random() % 5); }},
        {"many ties", [](auto& random, auto) { return static_cast<float>(random() % 40); }},
        {"mostly masked",
         [](auto& random, auto) {
             return random() % 16 == 0 ? static_cast<float>(random() % 9) : -kInfinity;
         }},
        {"infinite or none",
         [](auto& random, auto) {
             const auto which = random() % 40;
             return which == 0   ? std::nanf("")
                    : which == 1 ? kInfinity
                    : which == 2 ? -kInfinity
                                 : static_cast<float>(random() % 1000);
         }},
        {"both zeros", [](auto& random, auto) { return random() % 2 == 0 ? 0.0F : -0.0F; }},
        {"hardly negative",
         [](auto& random, auto) { return static_cast<float>(random() % 9) * -1e-42F; }},
        {"the eighth twice",
         [](auto& random, auto expert) {
             if (expert % 8 != 3) return normal(random);
             if (expert == 67 || expert == 83) return 20.0F;
             return static_cast<float>(expert < 56 ? 100 - expert : 10);
         }},
        {"every eighth high",
         [](auto& random, auto expert) { return normal(random) + (expert % 8 == 3 ? 9.0F : 0); }},
    };
    return kinds;
}

/// Whether logit a is better than b: a NaN is better than any number.
bool better(float a, float b) {
    return std::isnan(b) ? false : std::isnan(a) || a > b;
}

struct Size {
    std::int64_t rows, experts;
    int top_k;
};

/// In proportion to the weight of a logit, whose row's best is `best`.
double score(double logit, double best, Scoring scoring) {
    switch (scoring) {
        case Scoring::softmax:
            return std::exp(logit - best);
        case Scoring::sigmoid:
            return 1 / (1 + std::exp(-logit));
        case Scoring::sqrtsoftplus:
            return std::sqrt(logit > 40 ? logit : std::log1p(std::exp(logit)));
    }
    return std::nan("");
}

void expect_chosen(const Size& size, const Logits& kind, bool biased, Scoring scoring) {
    const auto [rows, experts, top_k] = size;
    SCOPED_TRACE(fmt::format("{} rows, best {} of {}, {}{}, {}", rows, top_k, experts, kind.name,
                             biased ? ", biased" : "", to_string(scoring)));
    std::mt19937 random(7);
    std::vector<float> logits(static_cast<std::size_t>(rows * experts));
    for (std::int64_t i = 0; i < rows * experts; ++i) {
        logits[static_cast<std::size_t>(i)] = kind.one(random, i % experts);
    }
    std::vector<float> bias(static_cast<std::size_t>(experts));
    for (auto& value : bias) value = biased ? static_cast<float>(random() % 3) : 0;
    std::vector<std::uint8_t> valid(static_cast<std::size_t>(rows));
    for (auto& flag : valid) flag = random() % 5 == 0 ? 0 : 1;
    const auto choices = static_cast<std::size_t>(rows * top_k);
    std::vector<std::int32_t> chosen(choices, 77);
    std::vector<float> weights(choices, 77);

    cuda::launch_topk(
        rows,
        {logits.data(), experts, top_k, scoring, biased ? bias.data() : nullptr, valid.data()},
        {chosen.data(), weights.data()}, nullptr);

    for (std::int64_t row = 0; row < rows; ++row) {
        const auto of = [&](int k) { return static_cast<std::size_t>(row * top_k + k); };
        const auto logit = [&](std::int32_t expert) {
            const auto e = static_cast<std::size_t>(expert);
            return logits[static_cast<std::size_t>(row * experts) + e] + bias[e];
        };
        std::vector<std::int32_t> order(static_cast<std::size_t>(experts));
        std::iota(order.begin(), order.end(), 0);
        std::ranges::stable_sort(order, [&](auto a, auto b) { return better(logit(a), logit(b)); });
        const auto score_of = [&](std::int32_t expert) {
            return score(logit(expert), logit(order[0]), scoring);
        };
        double sum = 0;
        for (int k = 0; k < top_k; ++k) sum += score_of(order[static_cast<std::size_t>(k)]);
        const bool is_valid = valid[static_cast<std::size_t>(row)] != 0;
        for (int k = 0; k < top_k; ++k) {
            const auto want = order[static_cast<std::size_t>(k)];
            ASSERT_EQ(chosen[of(k)], is_valid ? want : -1) << "row " << row << " choice " << k;
            const double weight = score_of(want) / sum;
            if (std::isfinite(weight)) {
                ASSERT_NEAR(weights[of(k)], is_valid ? weight : 0, 1e-5);
            }
        }
    }
}

TEST(TopK, EveryKindOfLogits) {
    constexpr Size kSizes[] = {
        {45, 64, 4},   {1, 4, 4},    {9, 20, 8},   {19, 128, 8}, {5, 66, 1},    {17, 128, 16},
        {10, 256, 8},  {3, 204, 9},  {5, 512, 10}, {3, 332, 17}, {5, 1024, 32}, {3, 1001, 1},
        {3, 1030, 33}, {18, 128, 6}, {20, 96, 8},  {7, 127, 5},  {33, 64, 8},   {19, 128, 4}};
    // Every second pair of the large ones: a thread of a GPU is a thread here.
    int pair = 0;
    for (const auto& kind : kinds_of_logits()) {
        for (const auto& size : kSizes) {
            const bool small = size.experts <= 128;
            const auto scoring = scorings()[static_cast<std::size_t>(pair / 2) % 3].scoring;
            if (pair++ % 2 == 0 || small) expect_chosen(size, kind, pair % 3 == 0, scoring);
        }
        ++pair;
    }
}

struct Permuted {
    std::vector<std::int32_t> expert_offsets, offsets, indices;
    std::vector<float> weights;
    std::vector<float> rows;
};

struct PermuteSize {
    std::int64_t rows, hidden, experts;
    Range local;
    int top_k;
    bool shared;
};

/// What `permute` makes of choices and rows that depend on the size only.
Permuted permuted(const PermuteSize& size,
                  const std::function<void(const Matrix&, const Routing&, const float*,
                                           const LayerKernels::Permutation&)>& permute) {
    std::mt19937 random(3);
    auto choices = random_choices(size.rows, size.experts, size.top_k);
    const auto floats = [&](std::int64_t count) {
        std::vector<float> values(static_cast<std::size_t>(count));
        for (auto& value : values) value = static_cast<float>(random() % 1000);
        return values;
    };
    auto x = floats(size.rows * size.hidden);
    auto weights = floats(size.rows * size.top_k);
    const auto shared_weights = floats(size.rows);
    const auto capacity = size.rows * std::min<std::int64_t>(size.top_k, size.local.size());
    const auto entries = static_cast<std::size_t>(capacity + size.rows);
    Permuted result{std::vector<std::int32_t>(static_cast<std::size_t>(size.local.size()) + 1, -7),
                    std::vector<std::int32_t>(static_cast<std::size_t>(size.rows) + 1, -7),
                    std::vector<std::int32_t>(entries, -7), std::vector<float>(entries, -7),
                    std::vector<float>(static_cast<std::size_t>(capacity * size.hidden), -7)};
    const auto matrix = [&](std::vector<float>& values, std::int64_t rows) {
        return Matrix{reinterpret_cast<std::byte*>(values.data()), rows, size.hidden, DType::f32};
    };
    permute(matrix(x, size.rows), {choices.data(), weights.data()}, shared_weights.data(),
            {size.local,
             size.shared,
             result.expert_offsets.data(),
             matrix(result.rows, capacity),
             {size.rows, result.offsets.data(), result.indices.data(), result.weights.data()}});
    return result;
}

TEST(Permute, AsTheHostDoes) {
    for (const auto& size :
         {PermuteSize{1, 8, 4, {0, 4}, 2, false}, PermuteSize{6, 12, 16, {0, 16}, 4, true},
          PermuteSize{5, 5, 8, {2, 5}, 3, false}, PermuteSize{4, 8, 600, {0, 600}, 10, true},
          PermuteSize{3, 1100, 40, {8, 16}, 40, true}, PermuteSize{4, 8, 9, {9, 9}, 3, true},
          PermuteSize{0, 8, 9, {0, 5}, 3, true}, PermuteSize{1, 8, 13000, {7, 11}, 13000, true},
          // Too many choices for one launch, in two chunks of rows.
          PermuteSize{129, 3, 100, {8, 16}, 95, true},
          // More counts than are scanned at once.
          PermuteSize{5, 4, 13000, {0, 13000}, 2, true}}) {
        SCOPED_TRACE(fmt::format("{} rows {} hidden, {} of {} experts", size.rows, size.hidden,
                                 size.local.size(), size.experts));
        const auto device = make_host_device();
        const auto stream = device->make_stream();
        const LayerDims dims{.rows = size.rows,
                             .permuted_rows = size.rows * size.top_k,
                             .hidden = size.hidden,
                             .experts = size.experts,
                             .local_experts = size.local.size(),
                             .top_k = size.top_k,
                             .intermediate = 1,
                             .wire = DType::f32};
        const auto kernels = make_host_layer_kernels_factory()->make(*device, dims);
        const auto want = permuted(size, [&](const auto& x, const auto& routing, const auto* shared,
                                             const auto& permutation) {
            kernels->permute(x, routing, shared, permutation, *stream);
            stream->synchronize();
        });
        cuda::Permute permute(*device, dims);
        const auto got = permuted(size, [&](const auto& x, const auto& routing, const auto* shared,
                                            const auto& permutation) {
            permute.launch(x, routing, shared, permutation, nullptr);
        });
        EXPECT_EQ(got.expert_offsets, want.expert_offsets);
        EXPECT_EQ(got.offsets, want.offsets);
        EXPECT_EQ(got.indices, want.indices);
        EXPECT_EQ(got.weights, want.weights);
        EXPECT_EQ(got.rows, want.rows);
    }
}

/// More copies than one launch takes, some of nothing, and nothing beside them.
TEST(Copies, GoWhereTheyBelong) {
    for (const std::int64_t cols : {3, 16}) {
        constexpr std::int64_t kBlocks = 130;
        constexpr std::int64_t kLongest = 2;
        const auto rows_of = [](std::int64_t block) { return block % 3 == 0 ? 1 + block % 2 : 0; };
        const auto matrix = [&](std::vector<std::uint16_t>& values, std::int64_t rows) {
            return Matrix{reinterpret_cast<std::byte*>(values.data()), rows, cols, DType::bf16};
        };
        std::vector<std::uint16_t> from(static_cast<std::size_t>(kBlocks * kLongest * cols));
        std::iota(from.begin(), from.end(), std::uint16_t{1});
        auto to = std::vector<std::uint16_t>(from.size(), 7);
        auto want = to;
        std::vector<Copy> copies;
        std::int64_t next = 0;
        for (std::int64_t b = 0; b < kBlocks; ++b) {
            const auto rows = rows_of(b);
            copies.push_back({matrix(from, kBlocks * kLongest).slice(next, rows),
                              matrix(to, kBlocks * kLongest).slice(b * kLongest, rows)});
            std::copy_n(from.begin() + next * cols, rows * cols,
                        want.begin() + b * kLongest * cols);
            next += rows;
        }
        cuda::launch_copies(copies, nullptr);
        EXPECT_EQ(to, want) << cols;
    }
}

TEST(Fill, FillsThatAndNothingBeside) {
    for (const std::int64_t cols : {1, 8, 1032, 3001}) {
        std::vector<std::uint16_t> values(static_cast<std::size_t>(3 * cols), 7);
        auto want = values;
        std::fill_n(want.begin() + cols, cols, std::uint16_t{0x5a5a});
        const Matrix rows{reinterpret_cast<std::byte*>(values.data()), 3, cols, DType::bf16};
        cuda::launch_fill(rows.slice(1, 1), std::byte{0x5a}, nullptr);
        EXPECT_EQ(values, want) << cols;
        cuda::launch_fill(rows.slice(1, 0), std::byte{1}, nullptr);
        EXPECT_EQ(values, want) << cols;
    }
}

/// Rows of single elements and of vectors, that threads keep and that they do not.
TEST(ResidualNorm, IsThatOfTheHost) {
    const auto host = make_host_device();
    const auto stream = host->make_stream();
    for (const std::int64_t cols : {5, 264, 2880, 9000}) {
        constexpr std::int64_t kRows = 2;
        std::mt19937 random(7);
        const auto made = [&](std::int64_t rows) {
            std::vector<float> values(static_cast<std::size_t>(rows * cols));
            for (auto& value : values) value = normal(random);
            return values;
        };
        const auto matrix = [&](std::vector<float>& values) {
            return Matrix{reinterpret_cast<std::byte*>(values.data()), std::ssize(values) / cols,
                          cols, DType::f32};
        };
        auto x = made(kRows), residual = made(kRows), weight = made(1);
        auto hidden = made(kRows), normed = made(kRows), want_hidden = x, want_normed = x;
        ResidualNorm norm{.rows = matrix(x),
                          .residual = matrix(residual),
                          .weight = matrix(weight),
                          .eps = 1e-6F,
                          .hidden = matrix(hidden),
                          .normed = matrix(normed)};
        cuda::launch_residual_norm(norm, nullptr);
        norm.hidden = matrix(want_hidden);
        norm.normed = matrix(want_normed);
        host->residual_norm(norm, *stream);
        EXPECT_EQ(hidden, want_hidden) << cols;
        for (std::size_t i = 0; i < normed.size(); ++i) {
            ASSERT_NEAR(normed[i], want_normed[i], 1e-5 * std::abs(want_normed[i])) << cols;
        }
    }
}

using Seconds = std::chrono::duration<double>;

TEST(Wait, EndsWhenTheWordIsThere) {
    std::uint32_t word = 0;
    const std::jthread host([&] {
        std::this_thread::sleep_for(Seconds(0.02));
        cuda::store_release(&word, 1);
    });
    EXPECT_TRUE(
        cuda::wait_until(cuda::patience_ns(60), [&] { return cuda::load_acquire(&word) != 0; }));
}

TEST(Wait, HasPatienceWithoutEndForSecondsWithoutEnd) {
    constexpr auto kYear = cuda::patience_ns(365.0 * 24 * 60 * 60);
    EXPECT_EQ(kYear, 31'536'000'000'000'000U);
    for (const double seconds : {1e11, 1e12, 1e20, 1e300}) {
        EXPECT_GT(cuda::patience_ns(seconds), 100 * kYear) << seconds;
    }
}

TEST(Wait, GivesUpAfterItsPatienceAndNotBefore) {
    for (const double patience : {0.01, 0.05}) {
        const auto begin = std::chrono::steady_clock::now();
        EXPECT_FALSE(cuda::wait_until(cuda::patience_ns(patience), [] { return false; }));
        EXPECT_GT(Seconds(std::chrono::steady_clock::now() - begin).count(), patience);
    }
}

}  // namespace
}  // namespace moe
