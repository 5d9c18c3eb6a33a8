// The layer's kernels of every backend against plain loops in double precision, on sizes that fill
// no tile, no vector and no block.
#include "kernels/runtime/layer_kernels.hpp"
#include "tests/backends.hpp"
#include "tests/choices.hpp"

#include <fmt/format.h>
#include <gtest/gtest.h>

#include <algorithm>
#include <array>
#include <cmath>
#include <cstdint>
#include <limits>
#include <map>
#include <numeric>
#include <random>
#include <set>
#include <vector>

namespace moe {
namespace {

constexpr std::byte kPoison{0xff};

/// Values that every type holds exactly, around 1 in size.
std::vector<float> random_values(std::int64_t count, unsigned seed, float scale = 1.0F / 64) {
    std::mt19937 random(seed);
    std::vector<float> values(static_cast<std::size_t>(count));
    for (auto& value : values) {
        value = scale * static_cast<float>(static_cast<int>(random() % 128U) - 64);
    }
    return values;
}

/// The power of two that keeps a sum of `terms` products with such values around 1.
float scale_for(std::int64_t terms) {
    constexpr double kDeviation = 37;
    const double scale = 1 / std::sqrt(static_cast<double>(terms)) / kDeviation;
    return static_cast<float>(std::exp2(std::round(std::log2(scale))));
}

/// Memory of a backend with values in one of its types.
class Rig {
public:
    explicit Rig(Backend& backend) : backend_(backend), stream_(backend.device->make_stream()) {}

    [[nodiscard]] Device& device() const { return *backend_.device; }
    [[nodiscard]] Stream& stream() const { return *stream_; }
    [[nodiscard]] DType compute(DType wire) const {
        return backend_.layer_kernels->compute_dtype(wire);
    }
    [[nodiscard]] std::unique_ptr<LayerKernels> kernels(const LayerDims& dims) const {
        return backend_.layer_kernels->make(device(), dims);
    }

    /// Kept until the rig goes.
    Matrix matrix(std::int64_t rows, std::int64_t cols, DType dtype) {
        auto& buffer = buffers_.emplace_back(
            device().allocate(static_cast<std::size_t>(rows * cols) * size_of(dtype)));
        const auto view = buffer.matrix(rows, cols, dtype);
        device().fill_bytes(view, kPoison, *stream_);
        stream_->synchronize();
        return view;
    }
    Matrix matrix(std::int64_t rows, std::int64_t cols, DType dtype,
                  const std::vector<float>& values) {
        const auto view = matrix(rows, cols, dtype);
        visit_dtype(dtype, [&](auto tag) {
            using T = typename decltype(tag)::type;
            std::vector<T> rounded;
            for (const float value : values) rounded.push_back(T(value));
            device().upload(reinterpret_cast<const std::byte*>(rounded.data()), view.data,
                            view.bytes());
        });
        return view;
    }
    template <class T>
    T* array(const std::vector<T>& values) {
        auto& buffer = buffers_.emplace_back(device().allocate(values.size() * sizeof(T)));
        device().upload(reinterpret_cast<const std::byte*>(values.data()), buffer.data(),
                        buffer.bytes());
        return buffer.template as<T>();
    }
    template <class T>
    std::vector<T> read(const T* from, std::int64_t count) {
        stream_->synchronize();
        std::vector<T> values(static_cast<std::size_t>(count));
        device().download(reinterpret_cast<const std::byte*>(from),
                          reinterpret_cast<std::byte*>(values.data()), values.size() * sizeof(T));
        return values;
    }
    std::vector<float> read(const Matrix& matrix) {
        return visit_dtype(matrix.dtype, [&](auto tag) {
            using T = typename decltype(tag)::type;
            std::vector<float> wide;
            for (const T value : read(matrix.as<T>(), matrix.elements())) {
                wide.push_back(static_cast<float>(value));
            }
            return wide;
        });
    }

private:
    Backend& backend_;
    std::unique_ptr<Stream> stream_;
    std::vector<Buffer> buffers_;
};

float at(const std::vector<float>& matrix, std::int64_t cols, std::int64_t row, std::int64_t col) {
    return matrix[static_cast<std::size_t>(row * cols + col)];
}

double dot(const std::vector<float>& a, std::int64_t row, const std::vector<float>& w,
           std::int64_t weight_row, std::int64_t depth) {
    double sum = 0;
    for (std::int64_t d = 0; d < depth; ++d) {
        sum += static_cast<double>(at(a, depth, row, d)) *
               static_cast<double>(at(w, depth, weight_row, d));
    }
    return sum;
}

double sigmoid(double x) {
    return 1 / (1 + std::exp(-x));
}

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

/// What a sum of values around 1 may be off by once it was stored a few times.
double tolerance(DType dtype) {
    return dtype == DType::f32 ? 1e-5 : 4 * traits(dtype).unit_roundoff;
}

template <class Visit>
void for_each_backend(Visit&& visit) {
    for (auto& backend : OpenBackends::opened()) {
        for (const auto& type : dtypes()) {
            SCOPED_TRACE(fmt::format("{} {}", backend.name, type.name));
            Rig rig(backend);
            visit(rig, type.dtype);
        }
    }
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
        auto& one = bias[static_cast<std::size_t>(e)];
        one = size.logits == Logits::coarse ? static_cast<float>(e * 7 % 3) : 0;
        if (size.logits == Logits::masked && e % (size.experts / size.top_k) != 0) {
            one = -std::numeric_limits<float>::infinity();
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
    std::vector<std::uint8_t> live(static_cast<std::size_t>(rows), 1);
    if (rows > 2) live[1] = live.back() = 0;
    const auto compute = rig.compute(wire);
    const auto kernels = rig.kernels({.rows = rows,
                                      .packed_rows = rows,
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
         gated ? rig.matrix(1, hidden, compute, gate).data : nullptr, rig.array(live)},
        {chosen, weight}, shared, rig.stream());
    const auto got = rig.read(chosen, rows * top_k);
    const auto weights = rig.read(weight, rows * top_k);
    const auto shared_weights = rig.read(shared, rows);
    for (std::int64_t row = 0; row < rows; ++row) {
        const auto first = static_cast<std::size_t>(row * top_k);
        if (live[static_cast<std::size_t>(row)] == 0) {
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
                                      .packed_rows = capacity,
                                      .hidden = hidden,
                                      .experts = experts,
                                      .local_experts = local.size(),
                                      .top_k = top_k,
                                      .intermediate = 1,
                                      .wire = wire});
    const auto entries = static_cast<std::size_t>(capacity + rows);
    const std::vector<std::int32_t> poison(entries + 1, -7);
    const LayerKernels::Packing packing{
        local,
        shared,
        rig.array(std::vector<std::int32_t>(static_cast<std::size_t>(local.size()) + 1, -7)),
        rig.matrix(capacity, hidden, rig.compute(wire)),
        {rows, rig.array(std::vector<std::int32_t>(static_cast<std::size_t>(rows) + 1, -7)),
         rig.array(poison), rig.array(std::vector<float>(entries, 77))}};
    kernels->permute(rig.matrix(rows, hidden, wire, x), {rig.array(choices), rig.array(weights)},
                     rig.array(shared_weights), packing, rig.stream());

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
    EXPECT_EQ(rig.read(packing.expert_offsets, local.size() + 1), want_offsets);
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
    const auto& combine = packing.combine;
    const auto count = static_cast<std::int64_t>(want_indices.size());
    EXPECT_EQ(rig.read(combine.offsets, rows + 1), want_rows);
    EXPECT_EQ(rig.read(combine.indices, count), want_indices);
    EXPECT_EQ(rig.read(combine.weights, count), want_weights);
    const auto packed = rig.read(packing.packed);
    for (std::size_t slot = 0; slot < row_of_slot.size(); ++slot) {
        for (std::int64_t col = 0; col < hidden; ++col) {
            ASSERT_EQ(at(packed, hidden, static_cast<std::int64_t>(slot), col),
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
    const auto packed = rig.matrix(capacity, hidden, compute);
    if (used > 0) {
        const auto filled = rig.matrix(used, hidden, compute, x);
        rig.device().copy(filled, packed.slice(0, used), rig.stream());
    }
    const auto kernels = rig.kernels({.rows = std::max<std::int64_t>(capacity, 1),
                                      .packed_rows = capacity,
                                      .hidden = hidden,
                                      .experts = experts,
                                      .local_experts = experts,
                                      .top_k = 1,
                                      .intermediate = width,
                                      .wire = wire});
    const auto out = rig.matrix(capacity, hidden, compute);
    kernels->experts(packed, rig.array(offsets), experts,
                     {rig.matrix(experts * 2 * width, hidden, compute, gate_up).data,
                      rig.matrix(experts * hidden, width, compute, down).data, width},
                     out, rig.stream());
    const auto got = rig.read(out);
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
                       .packed_rows = 8,
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
        dims.packed_rows = 0;
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
                                              .packed_rows = 1,
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

TEST(Device, CopiesManyAtOnceAndNothingBesideThem) {
    for_each_backend([](Rig& rig, DType wire) {
        for (const std::int64_t cols : {3, 16, 2880}) {
            // More than one launch takes; some are of no rows.
            const std::int64_t blocks = 150;
            const std::int64_t longest = 6;
            const auto rows_of = [](std::int64_t block) { return block * 5 % longest; };
            std::int64_t rows = 0;
            for (std::int64_t b = 0; b < blocks; ++b) rows += rows_of(b);
            const auto values = random_values(rows * cols, 1);
            const auto from = rig.matrix(rows, cols, wire, values);
            const auto to = rig.matrix(
                blocks * longest, cols, wire,
                std::vector<float>(static_cast<std::size_t>(blocks * longest * cols), 5));
            std::vector<Copy> copies;
            std::vector<float> want;
            std::int64_t next = 0;
            for (std::int64_t b = 0; b < blocks; ++b) {
                copies.push_back({from.slice(next, rows_of(b)), to.slice(b * longest, rows_of(b))});
                for (std::int64_t row = 0; row < longest; ++row) {
                    for (std::int64_t col = 0; col < cols; ++col) {
                        want.push_back(row < rows_of(b) ? at(values, cols, next + row, col) : 5);
                    }
                }
                next += rows_of(b);
            }
            rig.device().copy_all(copies, rig.stream());
            EXPECT_EQ(rig.read(to), want) << cols << " columns";
        }
    });
}

TEST(Device, SaysWhenThereIsNoMemoryAndGoesOn) {
    for (auto& backend : OpenBackends::opened()) {
        Rig rig(backend);
        // More addresses than a process has: less is granted where memory may be overcommitted.
        constexpr std::size_t kMoreThanAny = std::size_t{1} << 50U;
        EXPECT_THROW(static_cast<void>(rig.device().allocate(kMoreThanAny)), OutOfMemory);
        const std::vector<float> values{1, 2, 3};
        EXPECT_EQ(rig.read(rig.matrix(1, 3, DType::f32, values)), values);
    }
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
