// What is asked of NVML and NCCL on a machine without a GPU: a library of the test's own answers
// for NVML (tests/faults/fake_nvml.cpp).
#include "kernels/cuda/nvml.hpp"
#include "comm/nccl/nccl.hpp"

#include <gtest/gtest.h>

#include <cstdlib>
#include <vector>

namespace moe {
namespace {

TEST(Nvml, ListsWhoComputesThroughMpsOrNot) {
    const auto found = cuda::nvml_processes(cuda::BusId{"0000:1B:00.0"});
    ASSERT_TRUE(found);
    ASSERT_EQ(found->size(), 102U);  // more than are asked for at first
    EXPECT_EQ(found->front().pid, 1000U);
    EXPECT_EQ(found->front().name, "python3");
    EXPECT_EQ(found->at(100).pid, 2000U);
    EXPECT_EQ(found->at(101).name, "") << "of another PID namespace";
}

TEST(Nvml, KnowsNothingOfAGpuThatTheDriverDoesNotKnow) {
    EXPECT_FALSE(cuda::nvml_processes(cuda::BusId{"0000:FF:00.0"}));
}

TEST(Nccl, SaysWhereItRunsWithAnotherVersionThanItWasBuiltAgainst) {
    EXPECT_EQ(nccl::version_text(22809), "2.28.9");
    EXPECT_EQ(nccl::version_text(23003), "2.30.3");
    EXPECT_EQ(nccl::version_warning(22809, 22809), "");
    const auto said = nccl::version_warning(22703, 22809);
    EXPECT_NE(said.find("built against NCCL 2.27.3 and running with 2.28.9"), std::string::npos)
        << said;
}

TEST(Nccl, TakesItsVariablesInPlaceOfTheCtasOfACommunicator) {
    using nccl::ctas_obstacle;
    using Variables = std::vector<nccl::CtaVariables>;
    for (const auto& none : {Variables{{0, 0}, {0, -1}}, Variables{{24, 24}, {0, 24}}}) {
        EXPECT_EQ(ctas_obstacle(24, none), "");
    }
    EXPECT_EQ(ctas_obstacle(65, {}), "NCCL uses at most 64 CTAs, not 65");
    EXPECT_EQ(ctas_obstacle(64, Variables{{0, 0}, {0, 16}}),
              "NCCL_MAX_CTAS=16 is set, which NCCL takes in place of 64 CTAs");
    EXPECT_EQ(ctas_obstacle(8, Variables{{16, 8}}),
              "NCCL_MIN_CTAS=16 is set, which NCCL takes in place of 8 CTAs");
}

TEST(Nccl, ReadsItsVariables) {
    setenv("NCCL_MIN_CTAS", "0x10", 1);
    setenv("NCCL_MAX_CTAS", "none", 1);
    EXPECT_EQ(nccl::cta_variables().min_ctas, 16);
    EXPECT_EQ(nccl::cta_variables().max_ctas, 0);
    unsetenv("NCCL_MIN_CTAS");
    EXPECT_EQ(nccl::cta_variables().min_ctas, 0);
}

}  // namespace
}  // namespace moe
