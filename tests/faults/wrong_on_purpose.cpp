#include "tests/faults/wrong_on_purpose.hpp"

#include <algorithm>
#include <array>

namespace moe {

extern const CombineEntry reduced_twice, never_reduced, stale_second_run, routing_ignored,
    input_overwritten;

bool wrong_on_purpose(const CombineEntry& entry) {
    constexpr std::array kWrong{&reduced_twice, &never_reduced, &stale_second_run, &routing_ignored,
                                &input_overwritten};
    return std::ranges::find(kWrong, &entry) != kWrong.end();
}

}  // namespace moe
