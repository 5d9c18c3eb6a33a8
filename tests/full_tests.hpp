#pragma once

#include <cstdint>
#include <cstdlib>
#include <string_view>

namespace moe {

/// Whether there is time for what differs little from other tests.
[[nodiscard]] inline bool full_tests() {
    const char* asked = std::getenv("MOE_TESTS_FULL");
    return asked != nullptr && std::string_view(asked) == "1";
}

/// Rounds of a stress test: `quick`, more in full runs, or as many as MOE_TEST_BURSTS says.
[[nodiscard]] inline std::uint64_t stress_bursts(std::uint64_t quick, std::uint64_t full) {
    const char* asked = std::getenv("MOE_TEST_BURSTS");
    if (asked != nullptr) return std::strtoull(asked, nullptr, 10);
    return full_tests() ? full : quick;
}

}  // namespace moe
