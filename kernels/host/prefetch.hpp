#pragma once

#include <algorithm>
#include <cstdint>

namespace moe {

/// Fetches `count` values from memory into the L2 cache. Never faults; a few lines at a time, since
/// a core that has too many on their way waits for them.
template <class T>
void prefetch(const T* from, std::int64_t count) {
    constexpr std::int64_t kLine = 64 / sizeof(T);
    constexpr int kRead = 0;
    constexpr int kIntoL2 = 2;
    for (std::int64_t i = 0; i < count; i += kLine) __builtin_prefetch(from + i, kRead, kIntoL2);
}

/// step(first, count) over [0, count): steps between which there is time to fetch what comes later.
template <class Step>
void for_each_step(std::int64_t count, Step&& step) {
    constexpr std::int64_t kStep = 128;
    for (std::int64_t first = 0; first < count; first += kStep) {
        step(first, std::min(kStep, count - first));
    }
}

}  // namespace moe
