// The host kernels, one by one, on cases worked by hand.
#include "kernels/host/host_device.hpp"
#include "kernels/host/host_layer_kernels.hpp"
#include "kernels/host/row_ops.hpp"
#include "kernels/host/swiglu.hpp"
#include "kernels/runtime/layer_kernels.hpp"
#include "kernels/runtime/narrow.hpp"

#include <gtest/gtest.h>

#include <array>
#include <bit>
#include <cmath>
#include <iterator>
#include <limits>
#include <vector>

namespace moe {
namespace {

TEST(BFloat16, RoundsToNearestEven) {
    struct Row {
        float in;
        float out;
    };
    for (const auto& [in, out] :
         {Row{1, 1}, Row{-2.5F, -2.5F}, Row{256, 256}, Row{257, 256},  // a tie goes to the even
          Row{259, 260},                                               // a tie goes to the even
          Row{257.001F, 258}, Row{0, 0}, Row{1e38F, 0x1.2cp+126F}}) {
        EXPECT_EQ(static_cast<float>(BFloat16(in)), out) << in;
    }
}

TEST(BFloat16, KeepsWhatIsNotANumber) {
    EXPECT_TRUE(std::isnan(static_cast<float>(BFloat16(std::nanf("")))));
    // All bits set: a carry from rounding would make this a zero.
    EXPECT_TRUE(std::isnan(static_cast<float>(BFloat16(std::bit_cast<float>(0xffffffffU)))));
    EXPECT_TRUE(std::isinf(static_cast<float>(BFloat16(std::numeric_limits<float>::infinity()))));
}

Float16 half(std::uint32_t bits) {
    Float16 value;
    value.bits = static_cast<std::uint16_t>(bits);
    return value;
}

TEST(Float16, HoldsEveryHalfThereIs) {
    for (std::uint32_t bits = 0; bits < 0x10000; ++bits) {
        const auto wide = static_cast<float>(half(bits));
        if ((bits & 0x7fffU) > 0x7c00U) {
            EXPECT_TRUE(std::isnan(wide)) << bits;
            EXPECT_TRUE(std::isnan(static_cast<float>(Float16(wide)))) << bits;
        } else {
            EXPECT_EQ(Float16(wide).bits, bits);
        }
    }
    EXPECT_EQ(static_cast<float>(half(0x0001)), 0x1p-24F);
    EXPECT_EQ(static_cast<float>(half(0x3c01)), 1 + 0x1p-10F);
    EXPECT_EQ(static_cast<float>(half(0xfbff)), -65504.0F);
    EXPECT_EQ(static_cast<float>(half(0x7c00)), std::numeric_limits<float>::infinity());
}

TEST(Float16, RoundsToNearestEvenBetweenAnyTwo) {
    constexpr std::uint32_t kInfinity = 0x7c00;
    for (std::uint32_t bits = 0; bits + 1 < kInfinity; ++bits) {
        const float low = static_cast<float>(half(bits));
        const float high = static_cast<float>(half(bits + 1));
        const float middle = low + (high - low) / 2;
        EXPECT_EQ(Float16(middle).bits, bits + bits % 2) << middle;
        EXPECT_EQ(Float16(std::nextafter(middle, low)).bits, bits) << middle;
        EXPECT_EQ(Float16(std::nextafter(middle, high)).bits, bits + 1) << middle;
        EXPECT_EQ(Float16(-middle).bits, 0x8000U | (bits + bits % 2)) << middle;
    }
    EXPECT_EQ(Float16(std::nextafter(65520.0F, 0.0F)).bits, kInfinity - 1);
    EXPECT_EQ(Float16(65520.0F).bits, kInfinity);
    EXPECT_EQ(Float16(1e30F).bits, kInfinity);
    EXPECT_EQ(Float16(1e-30F).bits, 0U);
}

/// Floats that are halves, lie around the middle of two, or are no numbers, of both signs.
std::vector<float> around_halves() {
    std::vector<float> values;
    for (std::uint32_t bits = 0; bits < 0x10000; ++bits) {
        const auto low = static_cast<float>(half(bits));
        const auto middle = low + (static_cast<float>(half(bits + 1)) - low) / 2;
        for (const float value : {low, middle, std::nextafter(middle, 0.0F),
                                  std::nextafter(middle, std::copysign(1e30F, middle))}) {
            values.push_back(value);
        }
    }
    for (std::uint32_t payload = 1; payload < 0x00800000U; payload += 0x1fff) {
        values.push_back(std::bit_cast<float>(0x7f800000U | payload));
        values.push_back(std::bit_cast<float>(0xff800000U | payload));
    }
    return values;
}

TEST(Float16, RowsHaveTheBitsOfSingleValues) {
    std::vector<Float16> halves;
    for (std::uint32_t bits = 0; bits < 0x10000; ++bits) halves.push_back(half(bits));
    std::vector<float> wide(halves.size());
    widen(halves.data(), wide.data(), std::ssize(wide));
    for (std::size_t i = 0; i < wide.size(); ++i) {
        ASSERT_EQ(std::bit_cast<std::uint32_t>(wide[i]),
                  std::bit_cast<std::uint32_t>(static_cast<float>(halves[i])))
            << i;
    }
    const auto floats = around_halves();
    std::vector<Float16> narrow(floats.size());
    round_to(floats.data(), narrow.data(), std::ssize(narrow));
    for (std::size_t i = 0; i < narrow.size(); ++i) {
        ASSERT_EQ(narrow[i].bits, Float16(floats[i]).bits) << floats[i];
    }
}

TEST(Float16, RowsAreSummedInFloatWhateverTheirLength) {
    constexpr std::size_t kMax = 21;
    const auto values = [](std::uint32_t from) {
        std::vector<Float16> row;
        for (std::uint32_t i = 0; i < kMax; ++i) row.push_back(half((from + i) * 977 % 0x7800U));
        return row;
    };
    const auto a = values(1), b = values(50), c = values(99);
    const std::array rows{a.data(), b.data(), c.data()};
    for (std::size_t count = 0; count <= kMax; ++count) {
        const auto size = static_cast<std::int64_t>(count);
        std::vector<Float16> sum(kMax), added = c;
        std::vector<float> onto(kMax, 3);
        sum_rows(rows, sum.data(), size);
        add_into(a.data(), added.data(), size);
        add_rows(rows, onto.data(), size);
        for (std::size_t i = 0; i < kMax; ++i) {
            const auto x = static_cast<float>(a[i]), y = static_cast<float>(b[i]),
                       z = static_cast<float>(c[i]);
            const bool done = i < count;
            EXPECT_EQ(sum[i].bits, done ? Float16(x + y + z).bits : 0U) << i << " of " << count;
            EXPECT_EQ(added[i].bits, done ? Float16(x + z).bits : c[i].bits)
                << i << " of " << count;
            EXPECT_EQ(onto[i], done ? 3 + x + y + z : 3) << i << " of " << count;
        }
    }
}

TEST(Narrow, RefusesWhatDoesNotFit) {
    EXPECT_EQ(narrow<int>(std::int64_t{2147483647}), 2147483647);
    EXPECT_THROW((void)narrow<int>(std::int64_t{2147483648}), Error);
    EXPECT_THROW((void)narrow<int>(std::size_t{1} << 40U), Error);
}

TEST(TopK, TakesTheBestAndTheLowerOfEqualOnes) {
    struct Row {
        std::vector<float> scores;
        std::vector<std::int32_t> chosen;
    };
    for (const auto& row : {Row{{3, 1, 2}, {0}}, Row{{1, 3, 2}, {1, 2}}, Row{{1, 3, 2}, {1, 2, 0}},
                            Row{{5, 5, 5, 5}, {0, 1}}, Row{{1, 7, 0, 7, 7}, {1, 3, 4}},
                            Row{{-4, -1, -3}, {1, 2}}, Row{{2, 1, 2, 3}, {3, 0}}}) {
        std::vector<std::int32_t> chosen(row.chosen.size(), -9);
        topk(row.scores.data(), static_cast<std::int64_t>(row.scores.size()),
             static_cast<int>(chosen.size()), chosen.data());
        EXPECT_EQ(chosen, row.chosen);
    }
}

TEST(Swiglu, IsSiluOfGateTimesUp) {
    // gate: 0, 1, -2, 50, -50; up: 3, 2, 1, 1, 1
    std::vector<float> row{0, 1, -2, 50, -50, 3, 2, 1, 1, 1};
    swiglu(row.data(), 1, 5);
    EXPECT_FLOAT_EQ(row[0], 0);
    EXPECT_NEAR(row[1], 2 / (1 + std::exp(-1.0)), 1e-6);
    EXPECT_NEAR(row[2], -2 / (1 + std::exp(2.0)), 1e-6);
    EXPECT_NEAR(row[3], 50, 1e-4);
    EXPECT_NEAR(row[4], 0, 1e-12);
}

/// Two experts' worth of choices for three rows of two columns; expert 1 and 2 are ours.
class LayerKernelsTest : public testing::Test {
protected:
    static constexpr std::int64_t kRows = 3, kHidden = 2, kExperts = 4;
    static constexpr int kTopK = 2;

    LayerDims dims(Scoring scoring) const {
        return {kRows, kRows * kTopK, kHidden, kExperts, 2, kTopK, 1, 1, DType::f32, scoring};
    }
    static Matrix view(std::vector<float>& values, std::int64_t rows, std::int64_t cols) {
        return {reinterpret_cast<std::byte*>(values.data()), rows, cols, DType::f32};
    }

    std::unique_ptr<Device> device_ = make_host_device();
    std::unique_ptr<LayerKernelsFactory> factory_ = make_host_layer_kernels_factory();
    std::unique_ptr<Stream> stream_ = device_->make_stream();
    std::vector<float> x_{1, 0, 0, 1, 1, 1};
    // Logits are x * router^T: row 0 -> 0 1 2 0, row 1 -> 3 0 1 0, row 2 is padding.
    std::vector<float> router_{0, 3, 1, 0, 2, 1, 0, 0};
    std::vector<float> bias_;  // empty: none
    std::vector<std::uint8_t> valid_{1, 1, 0};
    std::vector<std::int32_t> chosen_ = std::vector<std::int32_t>(kRows * kTopK, 77);
    std::vector<float> weight_ = std::vector<float>(kRows * kTopK, 77);
    std::vector<float> shared_ = std::vector<float>(kRows, 77);

    void route(Scoring scoring, const std::vector<float>& gate) {
        const auto kernels = factory_->make(*device_, dims(scoring));
        kernels->route(view(x_, kRows, kHidden),
                       {view(router_, kExperts, kHidden), bias_.empty() ? nullptr : bias_.data(),
                        gate.empty() ? nullptr : reinterpret_cast<const std::byte*>(gate.data()),
                        valid_.data()},
                       {chosen_.data(), weight_.data()}, shared_.data(), *stream_);
    }
};

TEST_F(LayerKernelsTest, AddsTheBiasToTheLogits) {
    bias_ = {0, 0, -4, 5};
    route(Scoring::softmax, {});  // row 0 -> 0 1 -2 5, row 1 -> 3 0 -3 5
    EXPECT_EQ(chosen_, (std::vector<std::int32_t>{3, 1, 3, 0, -1, -1}));
    EXPECT_NEAR(weight_[0], std::exp(5.0F) / (std::exp(5.0F) + std::exp(1.0F)), 1e-6);
}

TEST_F(LayerKernelsTest, RoutesBySoftmaxOverTheChosen) {
    route(Scoring::softmax, {});
    EXPECT_EQ(chosen_, (std::vector<std::int32_t>{2, 1, 0, 2, -1, -1}));
    const float row0 = std::exp(2.0F) / (std::exp(2.0F) + std::exp(1.0F));
    const float row1 = std::exp(3.0F) / (std::exp(3.0F) + std::exp(1.0F));
    EXPECT_NEAR(weight_[0], row0, 1e-6);
    EXPECT_NEAR(weight_[1], 1 - row0, 1e-6);
    EXPECT_NEAR(weight_[2], row1, 1e-6);
    EXPECT_NEAR(weight_[3], 1 - row1, 1e-6);
    EXPECT_EQ(shared_, (std::vector<float>{1, 1, 1}));
}

TEST_F(LayerKernelsTest, RoutesBySigmoidAndGatesTheSharedExpert) {
    route(Scoring::sigmoid, {1, -1});
    const auto sigmoid = [](double v) { return 1 / (1 + std::exp(-v)); };
    EXPECT_EQ(chosen_, (std::vector<std::int32_t>{2, 1, 0, 2, -1, -1}));
    EXPECT_NEAR(weight_[0], sigmoid(2) / (sigmoid(2) + sigmoid(1)), 1e-6);
    EXPECT_NEAR(weight_[2], sigmoid(3) / (sigmoid(3) + sigmoid(1)), 1e-6);
    EXPECT_NEAR(shared_[0], sigmoid(1), 1e-6);
    EXPECT_NEAR(shared_[1], sigmoid(-1), 1e-6);
}

TEST_F(LayerKernelsTest, RoutesByTheRootOfSoftplus) {
    route(Scoring::sqrtsoftplus, {});
    EXPECT_EQ(chosen_, (std::vector<std::int32_t>{2, 1, 0, 2, -1, -1}));
    // sqrt(log(1 + e^2)) is 1.458399 and that of 1 is 1.145976, of 3 it is 1.746031.
    EXPECT_NEAR(weight_[0], 0.5599804, 1e-6);
    EXPECT_NEAR(weight_[1], 0.4400196, 1e-6);
    EXPECT_NEAR(weight_[2], 0.6037422, 1e-6);
}

TEST_F(LayerKernelsTest, TheRootOfSoftplusNeitherOverflowsNorVanishes) {
    bias_ = {0, 199, 98, 0};  // row 0 -> 0 200 100 0, where exp is infinite; the root is sqrt(x)
    route(Scoring::sqrtsoftplus, {});
    EXPECT_NEAR(weight_[0], std::sqrt(2.0) / (std::sqrt(2.0) + 1), 1e-6);
    bias_ = {-99, -51, -54, -99};  // row 0 -> -99 -50 -52 -99: exp(x) is lost beside 1
    route(Scoring::sqrtsoftplus, {});
    EXPECT_NEAR(weight_[0], std::exp(1.0) / (std::exp(1.0) + 1), 1e-6) << "the root is exp(x / 2)";
}

TEST_F(LayerKernelsTest, PermutesOwnRowsByExpertAndRemembersTheWayBack) {
    route(Scoring::softmax, {});
    const auto kernels = factory_->make(*device_, dims(Scoring::softmax));
    std::vector<std::int32_t> expert_offsets(3, 77), offsets(kRows + 1, 77), indices(9, 77);
    std::vector<float> permuted(kRows * kTopK * kHidden, 77), weights(9, 77);
    for (const bool shared : {false, true}) {
        kernels->permute(view(x_, kRows, kHidden), {chosen_.data(), weight_.data()}, shared_.data(),
                         {{1, 3},
                          shared,
                          expert_offsets.data(),
                          view(permuted, kRows * kTopK, kHidden),
                          {kRows, offsets.data(), indices.data(), weights.data()}},
                         *stream_);
        // Expert 1 gets row 0, expert 2 rows 0 and 1; expert 0 is another rank's.
        EXPECT_EQ(expert_offsets, (std::vector<std::int32_t>{0, 1, 3}));
        EXPECT_EQ(std::vector<float>(permuted.begin(), permuted.begin() + 6),
                  (std::vector<float>{1, 0, 1, 0, 0, 1}));
        if (shared) {
            EXPECT_EQ(offsets, (std::vector<std::int32_t>{0, 3, 5, 5}));
            EXPECT_EQ(std::vector<std::int32_t>(indices.begin(), indices.begin() + 5),
                      (std::vector<std::int32_t>{0, kRows + 1, kRows + 0, 1, kRows + 2}));
        } else {
            EXPECT_EQ(offsets, (std::vector<std::int32_t>{0, 2, 3, 3}));
            EXPECT_EQ(std::vector<std::int32_t>(indices.begin(), indices.begin() + 3),
                      (std::vector<std::int32_t>{1, 0, 2}));
            EXPECT_EQ(weights[0], weight_[0]);
            EXPECT_EQ(weights[2], weight_[3]);
        }
    }
}

TEST_F(LayerKernelsTest, SumsWeightedRowsAndClearsRowsWithoutAny) {
    std::vector<float> dense{1, 2, 3, 4};
    std::vector<std::int32_t> offsets{0, 2, 2, 3}, indices{0, 1, 1};
    std::vector<float> weights{0.5F, 2, -1};
    std::vector<BFloat16> to(kRows * kHidden, BFloat16(std::nanf("")));
    device_->weighted_sum(
        {kRows, offsets.data(), indices.data(), weights.data()}, view(dense, 2, kHidden),
        {reinterpret_cast<std::byte*>(to.data()), kRows, kHidden, DType::bf16}, *stream_);
    const std::vector<float> want{6.5F, 9, 0, 0, -3, -4};
    for (std::size_t i = 0; i < to.size(); ++i) EXPECT_EQ(static_cast<float>(to[i]), want[i]);
}

TEST(Buffer, RefusesAViewLargerThanItself) {
    const auto device = make_host_device();
    const auto buffer = device->allocate(16);
    EXPECT_EQ(buffer.matrix(2, 4, DType::bf16).bytes(), 16U);
    EXPECT_THROW((void)buffer.matrix(2, 4, DType::f32), Error);
    EXPECT_THROW((void)buffer.matrix(2, 4, DType::bf16).slice(1, 2), Error);
}

}  // namespace
}  // namespace moe
