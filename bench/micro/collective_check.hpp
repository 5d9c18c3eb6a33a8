#pragma once

#include "bench/micro/collectives.hpp"
#include "bench/micro/rotating_buffers.hpp"
#include "comm/bootstrap.hpp"

namespace moe {

/// The counter of wrong elements in a benchmark's results.
constexpr const char* kWrong = "wrong";

/// Collective. Elements that one call leaves with other bits than exact data asks for, on all
/// ranks.
[[nodiscard]] double count_wrong(const CallSetup& setup, Bootstrap& bootstrap,
                                 const Collective& collective, const Call& call,
                                 const RotatingBuffers::Pair& pair);

}  // namespace moe
