// In place of the header of this name in kernels/cuda: what kernels use of it, on the processor.
// Relaxed accesses acquire and release here: nothing else tells ThreadSanitizer that the end of a
// kernel orders what it did before what a later one sends. Who looks for what has not come yet lets
// other threads run.
#pragma once

#include "tests/simt/simt.hpp"

#include <cuda_runtime.h>

#include <atomic>
#include <chrono>
#include <cstdint>
#include <type_traits>

namespace moe::cuda {

inline unsigned long long global_nanoseconds() {
    const auto now = std::chrono::steady_clock::now().time_since_epoch();
    return static_cast<unsigned long long>(std::chrono::nanoseconds(now).count());
}
inline void bar_sync(int id, int threads) {
    simt::named_barrier(id, threads).arrive_and_wait();
}
template <class Word>
Word load_acquire(const Word* word) {
    return std::atomic_ref(*const_cast<Word*>(word)).load(std::memory_order_acquire);
}
template <class Word>
void store_release(Word* word, std::type_identity_t<Word> value) {
    std::atomic_ref(*word).store(value, std::memory_order_release);
}

template <class Word>
Word load_relaxed(const Word* word) {
    simt::yield();
    return load_acquire(word);
}
template <class Word>
void store_relaxed(Word* word, std::type_identity_t<Word> value) {
    store_release(word, value);
}
/// No more than 32 bits are stored and loaded whole.
inline uint4 load_relaxed(const uint4* from) {
    const uint4 words{load_acquire(&from->x), load_acquire(&from->y), load_acquire(&from->z),
                      load_acquire(&from->w)};
    if (words.x == 0 || words.y == 0 || words.z == 0 || words.w == 0) simt::yield();
    return words;
}
inline void store_relaxed(uint4* to, const uint4& value) {
    store_release(&to->x, value.x);
    store_release(&to->y, value.y);
    store_release(&to->z, value.z);
    store_release(&to->w, value.w);
}

}  // namespace moe::cuda
