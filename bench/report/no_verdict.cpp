#include "bench/report/no_verdict.hpp"

#include <array>
#include <cstddef>

namespace moe {

std::string_view to_string(NoVerdict reason) {
    constexpr std::array<std::string_view, 4> kNames{"planted", "shared_machine", "functional",
                                                     "disturbed"};
    return kNames[static_cast<std::size_t>(reason)];
}

}  // namespace moe
