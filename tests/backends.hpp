#pragma once

#include "comm/backend.hpp"

#include <fmt/format.h>
#include <gtest/gtest.h>

#include <cstdlib>
#include <memory>
#include <vector>

namespace moe {

/// The backends of this build that this machine can run, or the one that MOE_TEST_BACKEND names,
/// opened once for all tests of a program and closed before MPI is. Opening is collective. More
/// ranks than GPUs share them.
class OpenBackends final : public testing::Environment {
public:
    void SetUp() override {
        const char* only = std::getenv("MOE_TEST_BACKEND");
        for (const auto& entry : backend_table()) {
            if (only != nullptr && entry.name != only) continue;
            try {
                opened().push_back(entry.open({.share_gpu = true}));
            } catch (const BadArgument& error) {
                fmt::print("skipped: backend {}: {}\n", entry.name, error.what());
            }
        }
        ASSERT_FALSE(opened().empty()) << "no backend to test";
    }
    void TearDown() override { opened().clear(); }

    static std::vector<Backend>& opened() {
        static std::vector<Backend> backends;
        return backends;
    }
};

inline testing::Environment* const kOpenBackends =
    testing::AddGlobalTestEnvironment(new OpenBackends);

}  // namespace moe
