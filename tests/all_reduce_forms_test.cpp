// The all-reduce that an engine runs by default, against the thresholds of its source, by hand.
#include "comm/all_reduce_forms.hpp"

#include <fmt/format.h>
#include <gtest/gtest.h>

#include <cstdint>

namespace moe {
namespace {

constexpr std::int64_t kKiB = 1024;
constexpr std::int64_t kMiB = 1024 * kKiB;

/// The largest matrix, in bytes, that so many ranks push.
struct Threshold {
    int ranks;
    std::int64_t captured, eager;
};
/// _sm90_configs of SGLang 0.5.23: the first number of graph and of eager. Two ranks would push
/// 32 MiB eagerly, but only 16 are its own kernels' by default.
constexpr Threshold kPushUpTo[] = {
    {2, 16 * kMiB, 16 * kMiB},   {3, 1280 * kKiB, 3 * kMiB},  {4, 384 * kKiB, 896 * kKiB},
    {5, 192 * kKiB, 384 * kKiB}, {6, 128 * kKiB, 192 * kKiB}, {7, 128 * kKiB, 128 * kKiB},
    {8, 128 * kKiB, 128 * kKiB},
};
constexpr std::int64_t kOwnKernelsUpTo = 16 * kMiB;

TEST(EngineAllReduce, PushesSmallMatricesAndLeavesLargeOnesToTheLibrary) {
    for (const auto& [ranks, when_captured, when_eager] : kPushUpTo) {
        for (const bool captured : {false, true}) {
            SCOPED_TRACE(fmt::format("{} ranks, {}", ranks, captured ? "captured" : "eager"));
            const auto form_of = [&, count = ranks](std::int64_t bytes) {
                return engine_all_reduce(count, bytes, captured);
            };
            const auto push_up_to = captured ? when_captured : when_eager;
            EXPECT_EQ(form_of(0), AllReduceForm::push);
            EXPECT_EQ(form_of(2), AllReduceForm::push);
            EXPECT_EQ(form_of(push_up_to), AllReduceForm::push);
            const auto above = push_up_to + 2;
            EXPECT_EQ(form_of(above),
                      above > kOwnKernelsUpTo ? AllReduceForm::library : AllReduceForm::two_shot);
            EXPECT_EQ(form_of(kOwnKernelsUpTo),
                      ranks == 2 ? AllReduceForm::push : AllReduceForm::two_shot);
            EXPECT_EQ(form_of(kOwnKernelsUpTo + 2), AllReduceForm::library);
        }
    }
}

TEST(EngineAllReduce, IsTheLibrarysForOtherNumbersOfRanks) {
    for (const int ranks : {1, 9, 16}) {
        for (const bool captured : {false, true}) {
            EXPECT_EQ(engine_all_reduce(ranks, 2, captured), AllReduceForm::library) << ranks;
        }
    }
}

}  // namespace
}  // namespace moe
