#include "kernels/host/side_thread.hpp"

#include "kernels/runtime/error.hpp"

#include <fmt/format.h>
#include <pthread.h>
#include <sched.h>

#include <condition_variable>
#include <exception>
#include <mutex>
#include <thread>
#include <utility>

namespace moe {
namespace {

void pin(std::thread& thread, int cpu) {
    cpu_set_t only;
    CPU_ZERO(&only);
    CPU_SET(cpu, &only);
    const int refused = pthread_setaffinity_np(thread.native_handle(), sizeof only, &only);
    if (refused != 0) raise(MOE_SITE("pin"), fmt::format("no thread may run on cpu {}", cpu));
}

class SideThread final : public SideQueue {
public:
    SideThread(std::unique_ptr<Stream> stream, SideCore core)
        : stream_(std::move(stream)), core_(core), thread_([this] { run(); }) {
        try {
            if (core_.cpu) pin(thread_, *core_.cpu);
        } catch (...) {
            end();
            throw;
        }
    }
    ~SideThread() override { end(); }
    SideThread(const SideThread&) = delete;
    SideThread& operator=(const SideThread&) = delete;

    [[nodiscard]] bool shares_core() const override { return core_.shared; }
    void fork(Stream& /*idle*/, const std::function<void(Stream&)>& work) override {
        {
            const std::scoped_lock lock(mutex_);
            MOE_EXPECT(!work_, "forked again before it was joined");
            work_ = work;
            done_ = false;
        }
        changed_.notify_all();
    }
    void join(Stream& /*idle*/) override {
        std::unique_lock lock(mutex_);
        changed_.wait(lock, [this] { return done_; });
        work_ = nullptr;
        if (thrown_) std::rethrow_exception(std::exchange(thrown_, nullptr));
    }

private:
    void run() {
        std::unique_lock lock(mutex_);
        for (;;) {
            changed_.wait(lock, [this] { return ending_ || !done_; });
            if (done_) return;
            lock.unlock();
            std::exception_ptr thrown;
            try {
                work_(*stream_);
            } catch (...) {
                thrown = std::current_exception();
            }
            lock.lock();
            thrown_ = thrown;
            done_ = true;
            changed_.notify_all();
        }
    }
    void end() {
        {
            const std::scoped_lock lock(mutex_);
            ending_ = true;
        }
        changed_.notify_all();
        thread_.join();
    }

    std::unique_ptr<Stream> stream_;
    SideCore core_;
    std::mutex mutex_;  ///< of all that follows but the thread
    std::condition_variable changed_;
    std::function<void(Stream&)> work_;
    std::exception_ptr thrown_;
    bool done_{true}, ending_{};
    std::thread thread_;  ///< last: what it reads is there when it begins
};

}  // namespace

std::unique_ptr<SideQueue> make_side_thread(std::unique_ptr<Stream> stream, SideCore core) {
    return std::make_unique<SideThread>(std::move(stream), core);
}

}  // namespace moe
