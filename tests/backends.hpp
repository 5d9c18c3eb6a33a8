#pragma once

#include "comm/backend.hpp"

#include <fmt/format.h>
#include <gtest/gtest.h>

#include <memory>
#include <vector>

namespace moe {

/// The backends of this build that this machine can run, opened once for all tests of a program and
/// closed before MPI is. Opening is collective.
class OpenBackends final : public testing::Environment {
public:
    void SetUp() override {
        for (const auto& entry : backend_table()) {
            try {
                opened().push_back(entry.open());
            } catch (const BadArgument& error) {
                fmt::print("skipped: backend {}: {}\n", entry.name, error.what());
            }
        }
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
