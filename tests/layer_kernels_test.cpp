// The experts' kernels of every backend against plain loops in double precision, on sizes that fill
// no tile.
#include "tests/kernel_rig.hpp"

#include <fmt/format.h>
#include <gtest/gtest.h>

#include <algorithm>
#include <array>
#include <cmath>
#include <cstdint>
#include <set>
#include <string_view>
#include <vector>

namespace moe {
namespace {

/// The power of two that keeps a sum of `terms` products with such values around 1.
float scale_for(std::int64_t terms) {
    constexpr double kDeviation = 37;
    const double scale = 1 / std::sqrt(static_cast<double>(terms)) / kDeviation;
    return static_cast<float>(std::exp2(std::round(std::log2(scale))));
}

struct ExpertSize {
    std::int64_t hidden, intermediate;
    std::vector<std::int64_t> rows;  ///< of each expert
};

void expect_experts(Rig& rig, DType wire, const ExpertSize& size) {
    const auto& [hidden, width, rows_of] = size;
    SCOPED_TRACE(fmt::format("{} hidden {} wide", hidden, width));
    const auto compute = rig.compute(wire);
    const auto experts = static_cast<std::int64_t>(rows_of.size());
    std::vector<std::int32_t> offsets{0};
    for (const auto rows : rows_of) {
        offsets.push_back(offsets.back() + static_cast<std::int32_t>(rows));
    }
    const std::int64_t used = offsets.back();
    const auto capacity = used + 3;  // rows that belong to nobody: poisoned, and to stay so
    const auto x = random_values(used * hidden, 1);
    const auto gate_up = random_values(experts * 2 * width * hidden, 2, scale_for(hidden));
    const auto down = random_values(experts * hidden * width, 3, scale_for(width));
    const auto permuted = rig.matrix(capacity, hidden, compute);
    if (used > 0) {
        const auto filled = rig.matrix(used, hidden, compute, x);
        rig.device().copy(filled, permuted.slice(0, used), rig.stream());
    }
    const auto kernels = rig.kernels({.rows = std::max<std::int64_t>(capacity, 1),
                                      .permuted_rows = capacity,
                                      .hidden = hidden,
                                      .experts = experts,
                                      .local_experts = experts,
                                      .top_k = 1,
                                      .intermediate = width,
                                      .wire = wire});
    const auto out = rig.matrix(capacity, hidden, compute);
    LayerKernels::Experts work{permuted,
                               rig.array(offsets),
                               experts,
                               {rig.matrix(experts * 2 * width, hidden, compute, gate_up).data,
                                rig.matrix(experts * hidden, width, compute, down).data, width},
                               out};
    kernels->experts(work, rig.stream());
    const auto got = rig.read(out);
    const auto bytes = rig.read(out.data, static_cast<std::int64_t>(out.bytes()));
    for (const std::int64_t spared : {1, 1 << 20}) {  // all but one multiprocessor at most
        work.out = rig.matrix(capacity, hidden, compute);
        work.spared_sms = spared;
        kernels->experts(work, rig.stream());
        EXPECT_EQ(rig.read(work.out.data, static_cast<std::int64_t>(work.out.bytes())), bytes)
            << spared << " multiprocessors spared";
    }
    for (std::int64_t e = 0; e < experts; ++e) {
        const auto first = offsets[static_cast<std::size_t>(e)];
        const auto last = offsets[static_cast<std::size_t>(e) + 1] - 1;
        for (const auto row : std::set<std::int64_t>{first, (first + last) / 2, last}) {
            if (last < first) continue;
            std::vector<float> active;
            for (std::int64_t i = 0; i < width; ++i) {
                const auto gate = dot(x, row, gate_up, e * 2 * width + i, hidden);
                const auto up = dot(x, row, gate_up, e * 2 * width + width + i, hidden);
                active.push_back(static_cast<float>(gate * sigmoid(gate) * up));
            }
            for (std::int64_t col = 0; col < hidden; ++col) {
                const auto want = dot(active, 0, down, e * hidden + col, width);
                ASSERT_NEAR(at(got, hidden, row, col), want, tolerance(compute) * 4)
                    << "expert " << e << " row " << row << " column " << col;
            }
        }
    }
    for (auto row = used; row < capacity; ++row) {
        for (std::int64_t col = 0; col < hidden; ++col) {
            ASSERT_TRUE(std::isnan(at(got, hidden, row, col))) << "row " << row << " was written";
        }
    }
}

TEST(LayerKernels, ExpertsMultiplyEachRowWithItsOwnWeights) {
    for_each_backend([](Rig& rig, DType wire) {
        for (const auto& size : {ExpertSize{5, 3, {2, 0, 1}}, ExpertSize{64, 64, {1}},
                                 ExpertSize{72, 40, {3, 0, 17, 1}},
                                 ExpertSize{288, 200, {0, 5, 130, 16, 0, 33, 257, 0}},
                                 ExpertSize{520, 136, {40, 64, 65, 7}}, ExpertSize{64, 8, {0, 0}},
                                 ExpertSize{264, 264, {8, 8, 9, 7, 12, 1, 20}}}) {
            expect_experts(rig, wire, size);
        }
    });
}

TEST(LayerKernels, SayWhatTheExpertsRunOn) {
    for (auto& backend : OpenBackends::opened()) {
        LayerDims dims{.rows = 4,
                       .permuted_rows = 8,
                       .hidden = 64,
                       .experts = 2,
                       .local_experts = 2,
                       .top_k = 2,
                       .intermediate = 64,
                       .wire = DType::f32};
        const auto found = backend.layer_kernels->experts_kernel(dims);
        const bool host = backend.name == "host";
        const std::set<std::string_view> want{host ? "blas_f32" : "grouped_gemm_simt"};
        EXPECT_EQ(found.names, want);
        EXPECT_EQ(found.tuned, host);
        dims.permuted_rows = 0;
        EXPECT_TRUE(backend.layer_kernels->experts_kernel(dims).names.empty()) << "no rows";
    }
}

TEST(LayerKernels, TheSharedExpertIsOneForAllRows) {
    for_each_backend([](Rig& rig, DType wire) {
        for (const auto& [rows, hidden, width] :
             {std::array<std::int64_t, 3>{1, 8, 8}, std::array<std::int64_t, 3>{37, 5, 3},
              std::array<std::int64_t, 3>{70, 96, 40}}) {
            const auto compute = rig.compute(wire);
            const auto x = random_values(rows * hidden, 1);
            const auto gate_up = random_values(2 * width * hidden, 2, 1.0F / 256);
            const auto down = random_values(hidden * width, 3, 1.0F / 256);
            const auto kernels = rig.kernels({.rows = rows,
                                              .permuted_rows = 1,
                                              .hidden = hidden,
                                              .experts = 1,
                                              .local_experts = 1,
                                              .top_k = 1,
                                              .intermediate = 1,
                                              .shared_intermediate = width,
                                              .wire = wire});
            const auto out = rig.matrix(rows, hidden, compute);
            kernels->shared(rig.matrix(rows, hidden, wire, x),
                            {rig.matrix(2 * width, hidden, compute, gate_up).data,
                             rig.matrix(hidden, width, compute, down).data, width},
                            out, rig.stream());
            const auto got = rig.read(out);
            for (std::int64_t row = 0; row < rows; ++row) {
                std::vector<float> active;
                for (std::int64_t i = 0; i < width; ++i) {
                    const auto gate = dot(x, row, gate_up, i, hidden);
                    active.push_back(static_cast<float>(gate * sigmoid(gate) *
                                                        dot(x, row, gate_up, width + i, hidden)));
                }
                for (std::int64_t col = 0; col < hidden; ++col) {
                    ASSERT_NEAR(at(got, hidden, row, col), dot(active, 0, down, col, width),
                                tolerance(compute));
                }
            }
        }
    });
}

}  // namespace
}  // namespace moe
