// In place of the header of this name in kernels/cuda: the same without the GPU's instructions.
#pragma once

#include <cstdint>

namespace moe::cuda {

inline void wait_for_earlier() {}
inline void let_later_start() {}
inline void read_ahead(const void* /*from*/, std::uint32_t /*bytes*/) {}

template <class T>
void count_no_larger(int& count, T a, T b) {
    count += a <= b ? 1 : 0;
}

}  // namespace moe::cuda
