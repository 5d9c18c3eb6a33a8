// Every kernel that the GPU has for the experts' matrix products, each by itself: the layer takes
// the fastest one that a device allows, which must not be the only one that is right.
#include "kernels/cuda/grouped_gemm.hpp"
#include "kernels/cuda/cuda.hpp"
#include "tests/backends.hpp"

#include <fmt/format.h>
#include <fmt/ranges.h>
#include <gtest/gtest.h>

#include <cmath>
#include <random>
#include <set>
#include <string_view>
#include <vector>

namespace moe {
namespace {

using cuda::GroupedGemm;
using cuda::GroupedGemmKernel;

Backend* gpu() {
    for (auto& backend : OpenBackends::opened()) {
        if (backend.name == "cuda") return &backend;
    }
    return nullptr;
}

struct Size {
    std::int64_t depth, cols;
    std::vector<std::int64_t> rows;
    std::int64_t expected_rows;
};
/// Few enough for tools that watch every access; the last number chooses the tile.
const std::vector<Size> kFewRows{
    {64, 64, {1}, 1},          {64, 256, {16, 16}, 16}, {72, 40, {3, 0, 17, 1}, 5},
    {136, 72, {0, 33, 0}, 24}, {200, 136, {5, 70}, 44}, {5, 3, {2, 0, 70}, 24},
    {128, 40, {9, 130}, 90},
};
const std::vector<Size> kManyRows{
    {136, 200, {0, 130, 16, 33, 257, 0}, 90},
    {704, 136, {40, 64, 65, 7}, 44},
    {2880, 360, {20, 3}, 12},
    {320, 264, {300, 1, 128, 129}, 140},
};

/// Data in one of the GPU's types; what the device rounds, the host has rounded as well.
class Tensor {
public:
    Tensor(Device& device, std::int64_t rows, std::int64_t cols, DType dtype, float scale)
        : cols_(cols), values_(static_cast<std::size_t>(rows * cols)) {
        std::mt19937 random(static_cast<unsigned>(rows * 31 + cols));
        for (auto& value : values_) {
            value = scale * static_cast<float>(static_cast<int>(random() % 128U) - 64);
        }
        buffer_ = device.allocate(values_.size() * size_of(dtype));
        matrix = buffer_.matrix(rows, cols, dtype);
        visit_dtype(dtype, [&](auto tag) {
            using T = typename decltype(tag)::type;
            std::vector<T> rounded;
            for (const float value : values_) rounded.push_back(T(value));
            device.upload(reinterpret_cast<const std::byte*>(rounded.data()), buffer_.data(),
                          buffer_.bytes());
        });
    }
    [[nodiscard]] double dot(std::int64_t row, const Tensor& other, std::int64_t other_row) const {
        double sum = 0;
        for (std::int64_t i = 0; i < cols_; ++i) {
            sum +=
                static_cast<double>(values_[static_cast<std::size_t>(row * cols_ + i)]) *
                static_cast<double>(other.values_[static_cast<std::size_t>(other_row * cols_ + i)]);
        }
        return sum;
    }
    Matrix matrix;

private:
    std::int64_t cols_;
    std::vector<float> values_;
    Buffer buffer_;
};

std::vector<float> downloaded(Device& device, const Matrix& matrix) {
    return visit_dtype(matrix.dtype, [&](auto tag) {
        using T = typename decltype(tag)::type;
        std::vector<T> values(static_cast<std::size_t>(matrix.elements()));
        device.download(matrix.data, reinterpret_cast<std::byte*>(values.data()), matrix.bytes());
        return std::vector<float>(values.begin(), values.end());
    });
}

void expect_right(Device& device, const GroupedGemmKernel& kernel, const Size& size, DType dtype,
                  bool gated) {
    SCOPED_TRACE(fmt::format("{} {} depth {} cols {} {}", kernel.name, to_string(dtype), size.depth,
                             size.cols, gated ? "gated" : "plain"));
    const auto stream = device.make_stream();
    std::vector<std::int32_t> offsets{0};
    for (const auto rows : size.rows) {
        offsets.push_back(offsets.back() + static_cast<std::int32_t>(rows));
    }
    const auto experts = static_cast<std::int64_t>(size.rows.size());
    const std::int64_t used = offsets.back();
    const auto weight_rows = (gated ? 2 : 1) * size.cols;
    const Tensor in(device, used, size.depth, dtype, 1.0F / 64);
    const float scale =
        std::exp2(-std::round(std::log2(std::sqrt(static_cast<float>(size.depth)) * 37)));
    const Tensor weights(device, experts * weight_rows, size.depth, dtype, scale);
    const auto on_device = device.allocate(offsets.size() * sizeof(std::int32_t));
    device.upload(reinterpret_cast<const std::byte*>(offsets.data()), on_device.data(),
                  on_device.bytes());
    constexpr std::int64_t kSpare = 2;  // rows of nobody, to stay as they are
    const auto memory =
        device.allocate(static_cast<std::size_t>((used + kSpare) * size.cols) * size_of(dtype));
    const auto out = memory.matrix(used + kSpare, size.cols, dtype);
    device.fill_bytes(out, std::byte{0xff}, *stream);
    const bool wide = dtype != DType::f32 && size.depth % 8 == 0 && size.cols % 8 == 0;
    const GroupedGemm gemm{
        in.matrix, weights.matrix.data, out, on_device.as<std::int32_t>(), experts,
        gated,     size.expected_rows};
    if (!kernel.can(gemm)) {
        // Hopper's may be missing from the build or the device; the others only for their size.
        EXPECT_TRUE(!wide || &kernel == &cuda::kGroupedGemmSm90);
        EXPECT_NE(&kernel, &cuda::kGroupedGemmSimt);
        return;
    }
    EXPECT_TRUE(wide || &kernel == &cuda::kGroupedGemmSimt);
    kernel.launch(gemm, cuda::native(*stream));
    stream->synchronize();
    const auto got = downloaded(device, out);
    const double bound = dtype == DType::f32 ? 1e-5 : 2 * traits(dtype).unit_roundoff;
    for (std::int64_t e = 0; e < experts; ++e) {
        for (auto row = offsets[static_cast<std::size_t>(e)];
             row < offsets[static_cast<std::size_t>(e) + 1]; ++row) {
            for (std::int64_t col = 0; col < size.cols; ++col) {
                auto want = in.dot(row, weights, e * weight_rows + col);
                if (gated) {
                    want *= in.dot(row, weights, e * weight_rows + size.cols + col) /
                            (1 + std::exp(-want));
                }
                ASSERT_NEAR(got[static_cast<std::size_t>(row * size.cols + col)], want,
                            bound * std::max(1.0, std::abs(want)))
                    << "expert " << e << " row " << row << " column " << col;
            }
        }
    }
    for (auto i = static_cast<std::size_t>(used * size.cols); i < got.size(); ++i) {
        ASSERT_TRUE(std::isnan(got[i])) << "wrote to a row of nobody";
    }
}

void expect_right_in_every_way(const std::vector<Size>& sizes) {
    auto* backend = gpu();
    if (backend == nullptr) GTEST_SKIP() << "no GPU";
    for (const auto* kernel : cuda::grouped_gemm_kernels()) {
        for (const auto& size : sizes) {
            for (const auto& type : dtypes()) {
                for (const bool gated : {false, true}) {
                    expect_right(*backend->device, *kernel, size, type.dtype, gated);
                }
            }
        }
    }
}

TEST(GroupedGemm, IsRightInEveryWayOnFewRows) {
    expect_right_in_every_way(kFewRows);
}

TEST(GroupedGemm, IsRightInEveryWayOnManyRows) {
    expect_right_in_every_way(kManyRows);
}

struct Choice {
    LayerDims dims;
    std::set<std::string_view> names;
    bool tuned;
};

TEST(GroupedGemm, SaysWhichKernelTheExpertsOfALayerTake) {
    auto* backend = gpu();
    if (backend == nullptr) GTEST_SKIP() << "no GPU";
    constexpr int kHopper = 9;
    const bool hopper =
        cuda::capability().major == kHopper && cuda::kGroupedGemmSm90.launch != nullptr;
    const std::string_view best = hopper ? "grouped_gemm_sm90" : "grouped_gemm_sm80";
    constexpr std::string_view kAmpere = "grouped_gemm_sm80", kAny = "grouped_gemm_simt";
    const auto dims = [](std::int64_t hidden, std::int64_t intermediate, DType wire,
                         std::int64_t experts = 8) {
        return LayerDims{.rows = 16,
                         .permuted_rows = 32,
                         .hidden = hidden,
                         .experts = experts,
                         .local_experts = experts,
                         .top_k = 2,
                         .intermediate = intermediate,
                         .wire = wire};
    };
    auto idle = dims(64, 64, DType::bf16);
    idle.permuted_rows = 0;
    auto elsewhere = dims(64, 64, DType::bf16);
    elsewhere.local_experts = 0;
    for (const auto& [sizes, names, tuned] :
         {Choice{dims(64, 64, DType::bf16), {best}, hopper},
          Choice{dims(64, 64, DType::f16), {best}, hopper},
          Choice{dims(64, 64, DType::f32), {kAny}, false},
          // Rows of the one product's output are the other's input: both are odd, or none.
          Choice{dims(68, 64, DType::bf16), {kAny}, false},
          Choice{dims(64, 68, DType::bf16), {kAny}, false},
          // More offsets than Hopper's kernel has shared memory for.
          Choice{dims(64, 64, DType::bf16, 100'000), {kAmpere}, false},
          // A rank without columns adds up nothing, as zeros.
          Choice{dims(64, 0, DType::bf16), {kAny}, false}}) {
        const auto found = backend->layer_kernels->experts_kernel(sizes);
        EXPECT_EQ(found.names, names) << fmt::format("{}", fmt::join(found.names, ";"));
        EXPECT_EQ(found.tuned, tuned);
    }
    for (const auto& sizes : {idle, elsewhere}) {
        EXPECT_TRUE(backend->layer_kernels->experts_kernel(sizes).names.empty());
        EXPECT_TRUE(backend->layer_kernels->experts_kernel(sizes).tuned);
    }
}

}  // namespace
}  // namespace moe
