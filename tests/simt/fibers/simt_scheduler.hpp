// Threads of kernels as fibers of the thread that launches: thousands that wait for each other, and
// for kernels that other threads have launched, take turns without the operating system.
#pragma once

#include "tests/simt/self.hpp"

#include <ucontext.h>

#include <cstddef>
#include <functional>
#include <memory>
#include <thread>
#include <vector>

namespace moe::simt {

/// One stack, and where on it a fiber stopped.
struct Fiber {
    static constexpr std::size_t kStackBytes = std::size_t{64} << 10U;
    std::unique_ptr<std::byte[]> stack{new std::byte[kStackBytes]};
    ucontext_t context{};
    unsigned number{};
    bool ended{};
};

/// The fiber that runs, and where its thread goes on when it stops.
inline thread_local Fiber* fiber;
inline thread_local ucontext_t launching;

/// Of a fiber that waits for others.
inline void yield() {
    const auto thread = threadIdx, block_index = blockIdx;
    const auto block_size = blockDim, grid = gridDim;
    auto* const own_block = block;
    const auto own_exchanges = exchanges;
    swapcontext(&fiber->context, &launching);
    threadIdx = thread;
    blockIdx = block_index;
    blockDim = block_size;
    gridDim = grid;
    block = own_block;
    exchanges = own_exchanges;
}

/// As std::barrier.
class Barrier {
public:
    explicit Barrier(std::ptrdiff_t count) : expected_(count), left_(count) {}

    void arrive_and_wait() {
        const auto phase = phase_;
        arrive();
        while (phase_ == phase) yield();
    }
    void arrive_and_drop() {
        --expected_;
        arrive();
    }

private:
    void arrive() {
        if (--left_ > 0) return;
        left_ = expected_;
        ++phase_;
    }
    std::ptrdiff_t expected_, left_;
    unsigned phase_{};
};

/// Fibers whose stacks stay from launch to launch.
class Workers {
public:
    /// Calls `body` with 0 to count - 1, each on a fiber of its own, and waits for all.
    void run(unsigned count, const std::function<void(unsigned)>& body) {
        body_ = &body;
        while (fibers_.size() < count) fibers_.push_back(std::make_unique<Fiber>());
        for (unsigned i = 0; i < count; ++i) start(*fibers_[i], i);
        for (auto left = count; left > 0;) {
            for (unsigned i = 0; i < count; ++i) {
                if (fibers_[i]->ended) continue;
                fiber = fibers_[i].get();
                swapcontext(&launching, &fiber->context);
                if (fiber->ended) --left;
            }
            std::this_thread::yield();
        }
    }

private:
    static void start(Fiber& one, unsigned number) {
        one.number = number;
        one.ended = false;
        getcontext(&one.context);
        one.context.uc_stack.ss_sp = one.stack.get();
        one.context.uc_stack.ss_size = Fiber::kStackBytes;
        one.context.uc_link = &launching;
        makecontext(&one.context, run_body, 0);
    }
    static void run_body() {
        (*body_)(fiber->number);
        fiber->ended = true;
    }

    inline static thread_local const std::function<void(unsigned)>* body_;
    std::vector<std::unique_ptr<Fiber>> fibers_;
};

}  // namespace moe::simt
