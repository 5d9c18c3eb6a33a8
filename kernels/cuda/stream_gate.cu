#include "kernels/cuda/cuda.hpp"
#include "kernels/cuda/patience.hpp"
#include "kernels/cuda/stream_gate.hpp"
#include "kernels/cuda/wait.cuh"

#include <atomic>
#include <string>

namespace moe::cuda {
namespace {

/// In host memory that the device sees. Both only grow: without a reset, none can race
/// with a kernel that still polls.
struct Words {
    unsigned opened;   ///< how often the host has opened
    unsigned gave_up;  ///< the last closing that was not opened in time
};

__global__ void wait_for(Words* words, unsigned closing, unsigned long long patience_ns) {
    const auto opened = [&] { return load_acquire(&words->opened) >= closing; };
    if (!wait_until(patience_ns, opened)) words->gave_up = closing;
}

class CudaStreamGate final : public StreamGate {
public:
    explicit CudaStreamGate(double patience_seconds) : patience_(patience_ns(patience_seconds)) {
        void* raw{};
        MOE_CUDA(cudaHostAlloc(&raw, sizeof(Words), cudaHostAllocMapped));
        words_.reset(static_cast<Words*>(raw));
        *words_ = {};
        MOE_CUDA(cudaHostGetDevicePointer(&raw, words_.get(), 0));
        on_device_ = static_cast<Words*>(raw);
    }
    ~CudaStreamGate() override { open(); }
    CudaStreamGate(const CudaStreamGate&) = delete;
    CudaStreamGate& operator=(const CudaStreamGate&) = delete;

    void close(Stream& stream) override {
        MOE_EXPECT(std::atomic_ref(words_->gave_up).load() == 0,
                   "a device waited " + std::to_string(patience_ / kSecond) +
                       " s for its start and gave up");
        wait_for<<<1, 1, 0, native(stream)>>>(on_device_, ++closings_, patience_);
        MOE_CUDA(cudaGetLastError());
    }
    void open() override {
        std::atomic_ref(words_->opened).store(closings_, std::memory_order_release);
    }

private:
    struct Deleter {
        void operator()(Words* words) const noexcept { cudaFreeHost(words); }
    };
    static constexpr unsigned long long kSecond = 1'000'000'000;
    unsigned long long patience_;  ///< in nanoseconds
    std::unique_ptr<Words, Deleter> words_;
    Words* on_device_{};
    unsigned closings_{};
};

}  // namespace

std::unique_ptr<StreamGate> make_stream_gate(double patience_seconds) {
    return std::make_unique<CudaStreamGate>(patience_seconds);
}

}  // namespace moe::cuda
