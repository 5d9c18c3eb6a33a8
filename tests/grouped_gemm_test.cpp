// Every way that the GPU has for the experts' matrix products, each by itself: the layer takes the
// fastest one that a device allows, which must not be the only one that is right.
#include "kernels/cuda/grouped_gemm.hpp"
#include "kernels/cuda/cuda.hpp"
#include "tests/backends.hpp"

#include <fmt/format.h>
#include <gtest/gtest.h>

#include <cmath>
#include <random>
#include <vector>

namespace moe {
namespace {

using cuda::GroupedGemm;

bool any_gemm(const GroupedGemm& gemm, cudaStream_t stream) {
    cuda::launch_any_gemm(gemm, stream);
    return true;
}

struct Way {
    std::string_view name;
    bool (*launch)(const GroupedGemm&, cudaStream_t);
    bool wide_only;  ///< refuses f32 and rows that are no multiple of 16 bytes
};
constexpr Way kWays[] = {{"any", any_gemm, false},
                         {"tensor", cuda::launch_tensor_gemm, true},
                         {"hopper", cuda::launch_hopper_gemm, true}};

Device* gpu() {
    for (auto& backend : OpenBackends::opened()) {
        if (backend.name == "cuda") return backend.device.get();
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

void expect_right(Device& device, const Way& way, const Size& size, DType dtype, bool gated) {
    SCOPED_TRACE(fmt::format("{} {} depth {} cols {} {}", way.name, to_string(dtype), size.depth,
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
    const bool launched = way.launch(gemm, cuda::native(*stream));
    stream->synchronize();
    if (!launched) {
        // Hopper's way may be missing from the build or the device; the others only for their size.
        EXPECT_TRUE(!wide || way.name == "hopper");
        EXPECT_TRUE(way.wide_only);
        return;
    }
    EXPECT_TRUE(wide || !way.wide_only);
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
    auto* device = gpu();
    if (device == nullptr) GTEST_SKIP() << "no GPU";
    for (const auto& way : kWays) {
        for (const auto& size : sizes) {
            for (const auto& type : dtypes()) {
                for (const bool gated : {false, true}) {
                    expect_right(*device, way, size, type.dtype, gated);
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

}  // namespace
}  // namespace moe
