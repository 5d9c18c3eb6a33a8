// Threads of kernels as threads of the processor, into which ThreadSanitizer sees.
#pragma once

#include <barrier>
#include <functional>
#include <latch>
#include <memory>
#include <semaphore>
#include <thread>
#include <utility>
#include <vector>

namespace moe::simt {

using Barrier = std::barrier<>;

/// Of a thread that waits for others.
inline void yield() {
    std::this_thread::yield();
}

/// Threads that stay from launch to launch: under ThreadSanitizer making them takes longer than
/// most kernels.
class Workers {
public:
    /// Calls `body` with 0 to threads - 1, each on a thread of its own, and waits for all.
    void run(unsigned threads, const std::function<void(unsigned)>& body) {
        std::latch done(threads);
        while (workers_.size() < threads) workers_.push_back(std::make_unique<Worker>());
        for (unsigned t = 0; t < threads; ++t) {
            workers_[t]->start([&, t] {
                body(t);
                done.count_down();
            });
        }
        done.wait();
    }

private:
    class Worker {
    public:
        ~Worker() { start({}); }
        /// Nothing ends the thread.
        void start(std::function<void()> task) {
            task_ = std::move(task);
            started_.release();
        }

    private:
        void work() {
            for (;;) {
                started_.acquire();
                const auto task = std::move(task_);
                if (!task) return;
                task();
            }
        }
        std::function<void()> task_;
        std::binary_semaphore started_{0};
        std::jthread thread_{[this] { work(); }};
    };
    std::vector<std::unique_ptr<Worker>> workers_;
};

}  // namespace moe::simt
