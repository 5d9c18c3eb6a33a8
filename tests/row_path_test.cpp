// Routing, permutation and local combine of every backend against plain loops in double precision,
// on sizes that fill no vector and no block.
#include "tests/choices.hpp"
#include "tests/kernel_rig.hpp"

#include <fmt/format.h>
#include <gtest/gtest.h>

#include <algorithm>
#include <cmath>
#include <cstdint>
#include <limits>
#include <map>
#include <numeric>
#include <vector>

namespace moe {
namespace {

double score(double logit, Scoring scoring) {
    switch (scoring) {
        case Scoring::softmax:
            return std::exp(logit);
        case Scoring::sigmoid:
            return sigmoid(logit);
        case Scoring::sqrtsoftplus:
            return std::sqrt(std::log(1 + std::exp(logit)));
    }
    return std::nan("");
}

/// How a row's logits differ: all of them, none, in two of its choices (masked experts are -inf),
/// or in three values that many share.
enum class Logits : std::uint8_t { unlike, alike, masked, coarse };

struct RouteSize {
    std::int64_t rows, hidden, experts;
    int top_k;
    Logits logits{Logits::unlike};
};

std::vector<float> route_bias(const RouteSize& size, bool biased) {
    auto bias = random_values(size.experts, 3, biased ? 1.0F / 64 : 0);
    for (std::int64_t e = 0; size.logits != Logits::unlike && e < size.experts; ++e) {
        auto& value = bias[static_cast<std::size_t>(e)];
        value = size.logits == Logits::coarse ? static_cast<float>(e * 7 % 3) : 0;
        if (size.logits == Logits::masked && e % (size.experts / size.top_k) != 0) {
            value = -std::numeric_limits<float>::infinity();
        }
    }
    return bias;
}

void expect_routed(Rig& rig, DType wire, const RouteSize& size, Scoring scoring, bool gated) {
    const auto [rows, hidden, experts, top_k, kind] = size;
    const bool biased = gated || kind != Logits::unlike;
    SCOPED_TRACE(fmt::format("{} rows {} hidden {} experts top {}", rows, hidden, experts, top_k));
    const auto x = random_values(rows * hidden, 1);
    const auto router =
        random_values(experts * hidden, 2, kind == Logits::unlike ? 1.0F / 1024 : 0);
    const auto bias = route_bias(size, biased);
    const auto gate = random_values(hidden, 4, 1.0F / 1024);
    std::vector<std::uint8_t> valid(static_cast<std::size_t>(rows), 1);
    if (rows > 2) valid[1] = valid.back() = 0;
    const auto compute = rig.compute(wire);
    const auto kernels = rig.kernels({.rows = rows,
                                      .permuted_rows = rows,
                                      .hidden = hidden,
                                      .experts = experts,
                                      .local_experts = 1,
                                      .top_k = top_k,
                                      .intermediate = 1,
                                      .wire = wire,
                                      .scoring = scoring});
    const auto choices = static_cast<std::size_t>(rows * top_k);
    auto* chosen = rig.array(std::vector<std::int32_t>(choices, 77));
    auto* weight = rig.array(std::vector<float>(choices, 77));
    auto* shared = rig.array(std::vector<float>(static_cast<std::size_t>(rows), 77));
    kernels->route(
        rig.matrix(rows, hidden, wire, x),
        {rig.matrix(experts, hidden, compute, router), biased ? rig.array(bias) : nullptr,
         gated ? rig.matrix(1, hidden, compute, gate).data : nullptr, rig.array(valid)},
        {chosen, weight}, shared, rig.stream());
    const auto got = rig.read(chosen, rows * top_k);
    const auto weights = rig.read(weight, rows * top_k);
    const auto shared_weights = rig.read(shared, rows);
    for (std::int64_t row = 0; row < rows; ++row) {
        const auto first = static_cast<std::size_t>(row * top_k);
        if (valid[static_cast<std::size_t>(row)] == 0) {
            for (int k = 0; k < top_k; ++k) EXPECT_EQ(got[first + static_cast<std::size_t>(k)], -1);
            continue;
        }
        std::vector<double> logits;
        for (std::int64_t e = 0; e < experts; ++e) {
            logits.push_back(dot(x, row, router, e, hidden) +
                             static_cast<double>(bias[static_cast<std::size_t>(e)]));
        }
        std::vector<std::int32_t> order(logits.size());
        std::iota(order.begin(), order.end(), 0);
        std::ranges::stable_sort(order, [&](auto a, auto b) {
            return logits[static_cast<std::size_t>(a)] > logits[static_cast<std::size_t>(b)];
        });
        double sum = 0;
        const auto score_of = [&](std::size_t k) {
            return score(logits[static_cast<std::size_t>(order[k])], scoring);
        };
        for (std::size_t k = 0; k < static_cast<std::size_t>(top_k); ++k) sum += score_of(k);
        for (std::size_t k = 0; k < static_cast<std::size_t>(top_k); ++k) {
            ASSERT_EQ(got[first + k], order[k]) << "row " << row << " choice " << k;
            ASSERT_NEAR(weights[first + k], score_of(k) / sum, 1e-5);
        }
        const double want = gated ? sigmoid(dot(x, row, gate, 0, hidden)) : 1;
        ASSERT_NEAR(shared_weights[static_cast<std::size_t>(row)], want, 1e-5);
    }
}

TEST(LayerKernels, RouteAsTheModelSays) {
    for_each_backend([](Rig& rig, DType wire) {
        for (const auto& size :
             {RouteSize{1, 8, 4, 4}, RouteSize{37, 96, 7, 3}, RouteSize{50, 5, 100, 8},
              RouteSize{70, 32, 128, 8}, RouteSize{9, 288, 200, 10}, RouteSize{19, 64, 512, 10},
              RouteSize{5, 16, 1001, 32}, RouteSize{4, 32, 1000, 33}, RouteSize{3, 8, 1025, 6},
              RouteSize{41, 8, 128, 12}, RouteSize{13, 16, 256, 8}, RouteSize{6, 8, 1024, 10},
              RouteSize{20, 8, 64, 8, Logits::alike}, RouteSize{3, 8, 300, 17, Logits::alike},
              RouteSize{35, 8, 64, 4, Logits::masked}, RouteSize{7, 8, 512, 10, Logits::masked},
              RouteSize{40, 8, 16, 6, Logits::coarse}, RouteSize{9, 8, 96, 14, Logits::coarse},
              RouteSize{6, 8, 160, 16, Logits::coarse}}) {
            expect_routed(rig, wire, size, Scoring::softmax, false);
            expect_routed(rig, wire, size, Scoring::sigmoid, true);
            expect_routed(rig, wire, size, Scoring::sqrtsoftplus, false);
        }
    });
}

struct PermuteSize {
    std::int64_t rows, hidden, experts;
    Range local;
    int top_k;
    bool shared;
};

void expect_permuted(Rig& rig, DType wire, const PermuteSize& size) {
    const auto [rows, hidden, experts, local, top_k, shared] = size;
    SCOPED_TRACE(
        fmt::format("{} rows {} hidden, {} of {} experts", rows, hidden, local.size(), experts));
    const auto x = random_values(rows * hidden, 1);
    const auto choices = random_choices(rows, experts, top_k);
    const auto weights = random_values(rows * top_k, 2);
    const auto shared_weights = random_values(rows, 3);
    const auto capacity = rows * std::min<std::int64_t>(top_k, local.size());
    const auto kernels = rig.kernels({.rows = rows,
                                      .permuted_rows = capacity,
                                      .hidden = hidden,
                                      .experts = experts,
                                      .local_experts = local.size(),
                                      .top_k = top_k,
                                      .intermediate = 1,
                                      .wire = wire});
    const auto entries = static_cast<std::size_t>(capacity + rows);
    const std::vector<std::int32_t> poison(entries + 1, -7);
    const LayerKernels::Permutation permutation{
        local,
        shared,
        rig.array(std::vector<std::int32_t>(static_cast<std::size_t>(local.size()) + 1, -7)),
        rig.matrix(capacity, hidden, rig.compute(wire)),
        {rows, rig.array(std::vector<std::int32_t>(static_cast<std::size_t>(rows) + 1, -7)),
         rig.array(poison), rig.array(std::vector<float>(entries, 77))}};
    kernels->permute(rig.matrix(rows, hidden, wire, x), {rig.array(choices), rig.array(weights)},
                     rig.array(shared_weights), permutation, rig.stream());

    // By expert, then by row; and the way back, row by row.
    std::map<std::pair<std::int32_t, std::int64_t>, std::int32_t> slots;
    std::vector<std::int32_t> want_offsets{0};
    std::vector<std::int64_t> row_of_slot;
    for (auto e = local.first; e < local.last; ++e) {
        for (std::int64_t i = 0; i < rows * top_k; ++i) {
            if (choices[static_cast<std::size_t>(i)] != e) continue;
            slots[{static_cast<std::int32_t>(e), i / top_k}] =
                static_cast<std::int32_t>(row_of_slot.size());
            row_of_slot.push_back(i / top_k);
        }
        want_offsets.push_back(static_cast<std::int32_t>(row_of_slot.size()));
    }
    EXPECT_EQ(rig.read(permutation.expert_offsets, local.size() + 1), want_offsets);
    std::vector<std::int32_t> want_rows{0}, want_indices;
    std::vector<float> want_weights;
    for (std::int64_t row = 0; row < rows; ++row) {
        const auto first = static_cast<std::size_t>(row * top_k);
        if (shared && choices[first] >= 0) {
            want_indices.push_back(static_cast<std::int32_t>(row));
            want_weights.push_back(shared_weights[static_cast<std::size_t>(row)]);
        }
        for (std::size_t k = 0; k < static_cast<std::size_t>(top_k); ++k) {
            const auto slot = slots.find({choices[first + k], row});
            if (slot == slots.end()) continue;
            want_indices.push_back(slot->second + static_cast<std::int32_t>(shared ? rows : 0));
            want_weights.push_back(weights[first + k]);
        }
        want_rows.push_back(static_cast<std::int32_t>(want_indices.size()));
    }
    const auto& combine = permutation.combine;
    const auto count = static_cast<std::int64_t>(want_indices.size());
    EXPECT_EQ(rig.read(combine.offsets, rows + 1), want_rows);
    EXPECT_EQ(rig.read(combine.indices, count), want_indices);
    EXPECT_EQ(rig.read(combine.weights, count), want_weights);
    const auto permuted = rig.read(permutation.permuted);
    for (std::size_t slot = 0; slot < row_of_slot.size(); ++slot) {
        for (std::int64_t col = 0; col < hidden; ++col) {
            ASSERT_EQ(at(permuted, hidden, static_cast<std::int64_t>(slot), col),
                      at(x, hidden, row_of_slot[slot], col))
                << "slot " << slot << " column " << col;
        }
    }
}

TEST(LayerKernels, PermuteByExpertThenByRow) {
    for_each_backend([](Rig& rig, DType wire) {
        for (const auto& size :
             {PermuteSize{1, 8, 4, {0, 4}, 2, false}, PermuteSize{33, 5, 6, {2, 5}, 3, true},
              PermuteSize{100, 72, 40, {0, 40}, 40, false},
              PermuteSize{257, 2880, 64, {10, 31}, 8, true},
              PermuteSize{255, 24, 64, {0, 64}, 60, true},
              PermuteSize{1500, 16, 300, {0, 300}, 4, true},
              PermuteSize{600, 8, 3000, {0, 3000}, 4, true},
              PermuteSize{20000, 8, 16, {3, 12}, 2, true},
              PermuteSize{40, 64, 2000, {500, 2000}, 6, false},
              PermuteSize{0, 8, 4, {0, 4}, 2, true}, PermuteSize{12, 8, 9, {9, 9}, 2, false}}) {
            expect_permuted(rig, wire, size);
        }
    });
}

TEST(LayerKernels, WeightedSumsClearRowsWithoutAny) {
    for_each_backend([](Rig& rig, DType wire) {
        for (const std::int64_t cols : {5, 8, 2880}) {
            const auto compute = rig.compute(wire);
            const std::int64_t dense_rows = 23;
            const auto dense = random_values(dense_rows * cols, 1);
            const std::vector<std::int32_t> offsets{0, 0, 1, 6, 6, 17};
            std::vector<std::int32_t> indices;
            for (int i = 0; i < 17; ++i) indices.push_back(i * 7 % 23);
            const auto weights = random_values(17, 2, 1.0F / 8);
            const auto to = rig.matrix(5, cols, wire);
            const WeightedRows rows{5, rig.array(offsets), rig.array(indices), rig.array(weights)};
            const auto from = rig.matrix(dense_rows, cols, compute, dense);
            rig.device().weighted_sum(rows, from, to, rig.stream());
            const auto got = rig.read(to);
            const auto last = rig.matrix(2, cols, wire);
            rig.device().weighted_sum(rows.slice(3, 2), from, last, rig.stream());
            const auto sliced = rig.read(last);
            EXPECT_TRUE(std::equal(sliced.begin(), sliced.end(), got.end() - 2 * cols));
            for (std::size_t row = 0; row < 5; ++row) {
                for (std::int64_t col = 0; col < cols; ++col) {
                    double want = 0;
                    for (auto i = offsets[row]; i < offsets[row + 1]; ++i) {
                        const auto entry = static_cast<std::size_t>(i);
                        want += static_cast<double>(weights[entry]) *
                                static_cast<double>(at(dense, cols, indices[entry], col));
                    }
                    ASSERT_NEAR(at(got, cols, static_cast<std::int64_t>(row), col), want,
                                std::abs(want) * traits(wire).unit_roundoff + 1e-5);
                }
            }
        }
    });
}

}  // namespace
}  // namespace moe
