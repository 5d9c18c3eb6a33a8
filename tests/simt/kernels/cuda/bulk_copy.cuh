// In place of the header of this name in kernels/cuda: copies that are done at once, by the thread
// that asks for them.
#pragma once

#include "kernels/cuda/hopper.cuh"

#include <cstdint>
#include <cstring>

namespace moe::cuda::hopper {

inline std::uint64_t evict_first_policy() {
    return 0;
}
inline void fence_proxy_async() {}
/// Ends the program where a GPU's copy would go wrong.
inline void bulk_load(void* to, const void* from, unsigned bytes, Mbarrier& mbarrier,
                      std::uint64_t /*policy*/) {
    constexpr unsigned kUnit = 16;
    const auto addresses =
        reinterpret_cast<std::uintptr_t>(to) | reinterpret_cast<std::uintptr_t>(from);
    if ((addresses | bytes) % kUnit != 0 || bytes == 0) {
        std::fputs("simt: a bulk copy that is not of whole units of 16 bytes\n", stderr);
        std::abort();
    }
    std::memcpy(to, from, bytes);
    mbarrier.complete(bytes);
}

}  // namespace moe::cuda::hopper
