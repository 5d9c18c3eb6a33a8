// Groups of operations as guards: whatever is thrown inside one, the communicator works afterwards,
// and nothing writes any more to what the group was given. On every backend, on 1 to 4 ranks.
#include "comm/communicator.hpp"
#include "bench/verify/exact.hpp"
#include "tests/backends.hpp"

#include <fmt/format.h>
#include <gtest/gtest.h>

#include <chrono>
#include <thread>
#include <vector>

namespace moe {
namespace {

constexpr int kRoot = 0;
constexpr std::int64_t kRows = 8;
constexpr std::int64_t kCols = 20'000;

/// Each row is reduced by itself, as those of several owners are.
void reduce_rows(Communicator& world, const Matrix& in, const Matrix& out, std::int64_t rows,
                 Stream& stream) {
    for (std::int64_t row = 0; row < rows; ++row) {
        world.reduce(in.slice(row, 1), out.slice(row, 1), kRoot, stream);
    }
}

void fail_in_a_group(Communicator& world, const Matrix& in, const Matrix& out, std::int64_t issued,
                     Stream& stream) {
    CommGroup group(world);
    reduce_rows(world, in, out, issued, stream);
    raise(MOE_SITE("group"), "in the way");
}

TEST(CommGroup, LeavesTheCommunicatorUsableWhereSomethingThrows) {
    for (auto& backend : OpenBackends::opened()) {
        auto& device = *backend.device;
        auto& world = *backend.world;
        const auto stream = device.make_stream();
        for (const std::int64_t issued : {0, 1, 8}) {
            SCOPED_TRACE(fmt::format("{}, {} reductions issued", backend.name, issued));
            const auto bytes = kRows * kCols * size_of(DType::bf16);
            const auto matrix = [&](const Buffer& buffer) {
                return buffer.matrix(kRows, kCols, DType::bf16);
            };
            const auto in = device.allocate(bytes);
            const auto given_up = device.allocate(bytes);
            const auto out = device.allocate(bytes);
            const ExactData data(DType::bf16, world.size(), 1);
            const auto given = data.contribution(0, kRows, kCols, world.rank());
            device.upload(given.data(), in.data(), bytes);

            // Whoever comes early has much to wait for when it fails.
            if (world.rank() == world.size() - 1) {
                std::this_thread::sleep_for(std::chrono::milliseconds(20));
            }
            EXPECT_THROW(fail_in_a_group(world, matrix(in), matrix(given_up), issued, *stream),
                         Error);
            stream->synchronize();
            const std::vector<std::byte> other(bytes, std::byte{7});
            device.upload(other.data(), given_up.data(), bytes);

            const auto expect_sums = [&](const char* what) {
                stream->synchronize();
                if (world.rank() != kRoot) return;
                EXPECT_EQ(compare_bits(device, matrix(out), data.sums(0, kRows, kCols), 0), "")
                    << what;
            };
            reduce_rows(world, matrix(in), matrix(out), kRows, *stream);
            expect_sums("one by one");
            device.clear(matrix(out), *stream);
            CommGroup group(world);
            reduce_rows(world, matrix(in), matrix(out), kRows, *stream);
            group.close();
            expect_sums("in a group");
            EXPECT_EQ(compare_bits(device, matrix(given_up), other, 0), "")
                << "something wrote to what a group was given that is no more";
        }
    }
}

}  // namespace
}  // namespace moe
