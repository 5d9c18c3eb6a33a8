// In place of the header of this name in kernels/cuda: what kernels over peer memory use of it, on
// the processor.
#pragma once

#include "simt_scheduler.hpp"

#include <atomic>
#include <cstdint>

namespace moe::cuda::hopper {

/// As of PTX: a phase ends when as many have arrived as are expected, and as many bytes have come.
struct Mbarrier {
    std::uint64_t word;

    void init(unsigned arrivals) { word = State{0, arrivals, arrivals, 0}.packed(); }
    void arrive() { change(1, 0); }
    void arrive_and_expect(unsigned bytes) { change(1, static_cast<std::int32_t>(bytes)); }
    void wait(unsigned parity) {
        while (State::of(std::atomic_ref(word).load()).phase == parity) simt::yield();
    }
    /// Of a bulk copy, not of a thread.
    void complete(unsigned bytes) { change(0, -static_cast<std::int32_t>(bytes)); }

private:
    struct State {
        std::uint32_t phase, expected, pending;
        std::int32_t bytes;  ///< that are to come

        [[nodiscard]] static State of(std::uint64_t word) {
            return {static_cast<std::uint32_t>(word & 1U),
                    static_cast<std::uint32_t>(word >> 1U & 0x7fffU),
                    static_cast<std::uint32_t>(word >> 16U & 0xffffU),
                    static_cast<std::int32_t>(word >> 32U)};
        }
        [[nodiscard]] std::uint64_t packed() const {
            return phase | std::uint64_t{expected} << 1U | std::uint64_t{pending} << 16U |
                   std::uint64_t{static_cast<std::uint32_t>(bytes)} << 32U;
        }
    };
    void change(std::uint32_t arrivals, std::int32_t bytes) {
        const std::atomic_ref shared(word);
        auto seen = shared.load();
        for (;;) {
            auto state = State::of(seen);
            state.pending -= arrivals;
            state.bytes += bytes;
            if (state.pending == 0 && state.bytes == 0) {
                state.phase ^= 1U;
                state.pending = state.expected;
            }
            if (shared.compare_exchange_weak(seen, state.packed())) return;
        }
    }
};

inline void fence_mbarrier_init() {}

}  // namespace moe::cuda::hopper
