// What every backend's device does with rows besides computing, and with memory.
#include "tests/kernel_rig.hpp"

#include <gtest/gtest.h>

#include <cstddef>
#include <cstdint>
#include <vector>

namespace moe {
namespace {

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

TEST(Device, CopiesToAndFromTheHostAfterWhatWasEnqueued) {
    constexpr double kLate = 2e-3;  // seconds
    for (auto& backend : OpenBackends::opened()) {
        Rig rig(backend);
        auto& device = rig.device();
        const auto matrix = rig.matrix(1, 64, DType::f32);
        const auto filled_late = [&](int value) {
            device.delay(kLate, rig.stream());
            device.fill_bytes(matrix, std::byte(value), rig.stream());
            return std::vector<std::byte>(matrix.bytes(), std::byte(value));
        };
        std::vector<std::byte> got(matrix.bytes());
        const auto late = filled_late(1);
        device.download(matrix.data, got.data(), got.size());
        EXPECT_EQ(got, late) << backend.name;

        static_cast<void>(filled_late(2));
        device.upload(late.data(), matrix.data, late.size());
        rig.stream().synchronize();
        device.download(matrix.data, got.data(), got.size());
        EXPECT_EQ(got, late) << backend.name << ": overwritten by earlier work";
    }
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

}  // namespace
}  // namespace moe
