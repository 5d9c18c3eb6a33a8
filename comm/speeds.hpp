#pragma once

#include "comm/ring_traffic.hpp"

namespace moe {

/// What each rank reaches while all ranks do the same.
struct Speeds {
    double link{};     ///< bytes a second that a rank sends, while as many come; unused by one rank
    double memory{};   ///< bytes a second that it reads and writes
    double barrier{};  ///< seconds until all ranks know that the last one has come
};

/// The least seconds that `cost` takes: the links and the memory may be busy at the same time, but
/// nothing overlaps with ranks that wait for each other.
[[nodiscard]] double limit_seconds(const Cost& cost, const Speeds& speeds);

}  // namespace moe
