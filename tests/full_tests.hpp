#pragma once

#include <cstdlib>
#include <string_view>

namespace moe {

/// Whether there is time for what differs little from other tests.
[[nodiscard]] inline bool full_tests() {
    const char* asked = std::getenv("MOE_TESTS_FULL");
    return asked != nullptr && std::string_view(asked) == "1";
}

}  // namespace moe
