#include "kernels/cuda/copy.hpp"
#include "kernels/cuda/cuda.hpp"
#include "kernels/cuda/delay.hpp"
#include "kernels/cuda/nvml.hpp"
#include "kernels/cuda/residual_norm.hpp"
#include "kernels/cuda/stamp.hpp"
#include "kernels/cuda/stream_gate.hpp"
#include "kernels/cuda/sum.hpp"
#include "kernels/cuda/weighted_sum.hpp"

#include <fmt/format.h>
#include <nvtx3/nvToolsExt.h>

#include <algorithm>
#include <array>

namespace moe::cuda {
namespace {

struct EventDeleter {
    void operator()(cudaEvent_t event) const noexcept { cudaEventDestroy(event); }
};
struct StreamDeleter {
    void operator()(cudaStream_t stream) const noexcept { cudaStreamDestroy(stream); }
};
using UniqueEvent = std::unique_ptr<CUevent_st, EventDeleter>;
using UniqueStream = std::unique_ptr<CUstream_st, StreamDeleter>;

/// Stamps and whether they are fine enough to stand for events.
class Stamps {
public:
    StampSlots slots;
    /// Asked once, outside a capture.
    void find_step(cudaStream_t stream) { step_ = step_ > 0 ? step_ : stamp_step(slots, stream); }
    [[nodiscard]] bool fine() const {
        constexpr std::uint64_t kCoarse = 100;  // of regions of some microseconds
        return step_ > 0 && step_ <= kCoarse;
    }

private:
    std::uint64_t step_{};  ///< nanoseconds; 0: not known
};

class CudaEvent final : public Event {
public:
    // The slot as well: pinning memory is not for a capture.
    explicit CudaEvent(std::shared_ptr<Stamps> stamps)
        : stamps_(std::move(stamps)), slot_(stamps_->slots.take()) {
        cudaEvent_t raw{};
        MOE_CUDA(cudaEventCreate(&raw));
        handle_.reset(raw);
    }
    ~CudaEvent() override { stamps_->slots.give_back(slot_); }
    CudaEvent(const CudaEvent&) = delete;
    CudaEvent& operator=(const CudaEvent&) = delete;
    [[nodiscard]] double seconds_since(const Event& earlier) const override {
        const auto& start = dynamic_cast<const CudaEvent&>(earlier);
        if (stamped_) return static_cast<double>(*slot_ - *start.slot_) * 1e-9;
        float milliseconds = 0;
        MOE_CUDA(cudaEventElapsedTime(&milliseconds, start.handle_.get(), handle_.get()));
        return static_cast<double>(milliseconds) * 1e-3;
    }
    void record_on(cudaStream_t stream) {
        cudaStreamCaptureStatus status{};
        MOE_CUDA(cudaStreamIsCapturing(stream, &status));
        stamped_ = status != cudaStreamCaptureStatusNone && stamps_->fine();
        if (stamped_) {
            launch_stamp(slot_, stream);
        } else if (status == cudaStreamCaptureStatusNone) {
            MOE_CUDA(cudaEventRecord(handle_.get(), stream));
        } else {
            // One that is not external would only order the graph's nodes.
            MOE_CUDA(cudaEventRecordWithFlags(handle_.get(), stream, cudaEventRecordExternal));
        }
    }

private:
    std::shared_ptr<Stamps> stamps_;
    UniqueEvent handle_;
    std::uint64_t* slot_;  ///< where a graph writes its stamp
    bool stamped_{};       ///< recorded that way
};

struct GraphDeleter {
    void operator()(cudaGraph_t graph) const noexcept { cudaGraphDestroy(graph); }
    void operator()(cudaGraphExec_t graph) const noexcept { cudaGraphExecDestroy(graph); }
};

class CudaGraph final : public Graph {
public:
    CudaGraph(cudaGraph_t recorded, cudaStream_t stream) {
        cudaGraphExec_t raw{};
        MOE_CUDA(cudaGraphInstantiate(&raw, recorded, 0));
        executable_.reset(raw);
        MOE_CUDA(cudaGraphUpload(raw, stream));
    }
    void launch(Stream& stream) override {
        MOE_CUDA(cudaGraphLaunch(executable_.get(), cuda::native(stream)));
    }

private:
    std::unique_ptr<CUgraphExec_st, GraphDeleter> executable_;
};

class CudaStream final : public Stream {
public:
    explicit CudaStream(std::shared_ptr<Stamps> stamps) : stamps_(std::move(stamps)) {
        cudaStream_t raw{};
        MOE_CUDA(cudaStreamCreateWithFlags(&raw, cudaStreamNonBlocking));
        handle_.reset(raw);
    }
    void record(Event& event) override { dynamic_cast<CudaEvent&>(event).record_on(handle_.get()); }
    void synchronize() override { MOE_CUDA(cudaStreamSynchronize(handle_.get())); }
    [[nodiscard]] std::unique_ptr<Graph> capture(const std::function<void()>& body) override {
        stamps_->find_step(handle_.get());
        // Of this thread only: NCCL's own threads and the watchdog go on with their work.
        MOE_CUDA(cudaStreamBeginCapture(handle_.get(), cudaStreamCaptureModeThreadLocal));
        try {
            body();
        } catch (...) {
            static_cast<void>(end_capture());
            throw;
        }
        const auto recorded = end_capture();
        MOE_EXPECT(recorded != nullptr, "the capture was broken off by what was enqueued");
        return std::make_unique<CudaGraph>(recorded.get(), handle_.get());
    }
    [[nodiscard]] void* native() const override { return handle_.get(); }

private:
    /// Leaves the stream usable; null where the capture had become invalid.
    std::unique_ptr<CUgraph_st, GraphDeleter> end_capture() {
        cudaGraph_t raw{};
        const auto status = cudaStreamEndCapture(handle_.get(), &raw);
        static_cast<void>(cudaGetLastError());  // else the next launch would be blamed for it
        return std::unique_ptr<CUgraph_st, GraphDeleter>(status == cudaSuccess ? raw : nullptr);
    }

    std::shared_ptr<Stamps> stamps_;
    UniqueStream handle_;
};

/// A second stream. Events without a time order the two: in a capture they are the edges of the
/// graph, where recording a timed one would be a node.
class CudaSideQueue final : public SideQueue {
public:
    explicit CudaSideQueue(std::unique_ptr<Stream> side) : side_(std::move(side)) {
        for (auto* event : {&forked_, &joined_}) {
            cudaEvent_t raw{};
            MOE_CUDA(cudaEventCreateWithFlags(&raw, cudaEventDisableTiming));
            event->reset(raw);
        }
    }
    [[nodiscard]] bool shares_core() const override { return false; }
    void fork(Stream& stream, const std::function<void(Stream&)>& work) override {
        order(stream, *side_, forked_.get());
        work(*side_);
    }
    void join(Stream& stream) override { order(*side_, stream, joined_.get()); }

private:
    static void order(Stream& first, Stream& then, cudaEvent_t event) {
        MOE_CUDA(cudaEventRecord(event, cuda::native(first)));
        MOE_CUDA(cudaStreamWaitEvent(cuda::native(then), event, 0));
    }

    std::unique_ptr<Stream> side_;
    UniqueEvent forked_, joined_;
};

void set_device(int ordinal) {
    const auto status = cudaSetDevice(ordinal);
    if (status == cudaErrorDevicesUnavailable || status == cudaErrorMpsServerNotReady) {
        throw Error(fmt::format(
            "GPU {} takes no other process now ({}): one has it for itself, or its MPS daemon has "
            "lost a client that died, and takes new ones only when all of that job are gone",
            ordinal, cudaGetErrorString(status)));
    }
    MOE_CUDA(status);
}

class CudaDevice final : public Device {
public:
    CudaDevice(int ordinal, double patience_seconds)
        : ordinal_(ordinal), patience_seconds_(patience_seconds) {
        set_device(ordinal);
        MOE_CUDA(cudaGetDeviceProperties(&properties_, ordinal));
    }
    [[nodiscard]] std::string name() const override { return properties_.name; }
    [[nodiscard]] std::unique_ptr<Stream> make_stream() override {
        return std::make_unique<CudaStream>(stamps_);
    }
    [[nodiscard]] std::unique_ptr<Event> make_event() override {
        return std::make_unique<CudaEvent>(stamps_);
    }
    [[nodiscard]] std::unique_ptr<SideQueue> make_side_queue() override {
        return std::make_unique<CudaSideQueue>(make_stream());
    }
    [[nodiscard]] std::unique_ptr<StreamGate> make_stream_gate() override {
        return cuda::make_stream_gate(patience_seconds_);
    }
    [[nodiscard]] std::string capture_obstacle() const override { return {}; }
    [[nodiscard]] std::optional<Clocks> clocks() const override { return nvml_clocks(ordinal_); }
    void begin_range(const std::string& name) override { nvtxRangePushA(name.c_str()); }
    void end_range() override { nvtxRangePop(); }

    [[nodiscard]] Buffer allocate(std::size_t bytes) override {
        void* raw{};
        // One byte at least, so that a buffer of no rows has an address as well.
        const auto status = cudaMalloc(&raw, std::max<std::size_t>(bytes, 1));
        if (status == cudaErrorMemoryAllocation) {
            static_cast<void>(cudaGetLastError());
            throw OutOfMemory(fmt::format("no {} bytes of GPU memory left", bytes));
        }
        MOE_CUDA(status);
        return {*this, static_cast<std::byte*>(raw), bytes};
    }
    void release(std::byte* data) noexcept override { cudaFree(data); }
    [[nodiscard]] std::size_t memory_available() const override {
        std::size_t free = 0;
        std::size_t total = 0;
        MOE_CUDA(cudaMemGetInfo(&free, &total));
        return free;
    }
    [[nodiscard]] std::size_t cache_bytes() const override {
        return static_cast<std::size_t>(properties_.l2CacheSize);
    }

    void upload(const std::byte* host, std::byte* device, std::size_t bytes) override {
        finish_all();
        MOE_CUDA(cudaMemcpy(device, host, bytes, cudaMemcpyHostToDevice));
        // From pageable memory the copy may return before the last bytes have arrived.
        finish_all();
    }
    void download(const std::byte* device, std::byte* host, std::size_t bytes) override {
        finish_all();
        MOE_CUDA(cudaMemcpy(host, device, bytes, cudaMemcpyDeviceToHost));
    }
    void copy(const Matrix& from, const Matrix& to, Stream& stream) override {
        copy_all(std::array{Copy{from, to}}, stream);
    }
    void copy_all(std::span<const Copy> copies, Stream& stream) override {
        for (const auto& [from, to] : copies) {
            MOE_EXPECT(from.bytes() == to.bytes(), "copy between unlike matrices");
        }
        launch_copies(copies, cuda::native(stream));
    }
    void fill_bytes(const Matrix& target, std::byte value, Stream& stream) override {
        launch_fill(target, value, cuda::native(stream));
    }
    void sum(std::span<const Matrix> operands, const Matrix& to, Stream& stream) override {
        Operands list{};
        MOE_EXPECT(operands.size() <= kMaxOperands, "more terms than one launch takes");
        for (const auto& operand : operands) {
            MOE_EXPECT(operand.bytes() == to.bytes(), "a sum of unlike matrices");
            list.data[list.count++] = operand.data;
        }
        launch_sum(list, to, cuda::native(stream));
    }
    [[nodiscard]] std::size_t max_operands() const override { return kMaxOperands; }
    void weighted_sum(const WeightedRows& rows, const Matrix& dense, const Matrix& to,
                      Stream& stream) override {
        launch_weighted_sum(rows, dense, to, cuda::native(stream));
    }
    void residual_norm(const ResidualNorm& norm, Stream& stream) override {
        launch_residual_norm(norm, cuda::native(stream));
    }
    void delay(double seconds, Stream& stream) override {
        launch_delay(seconds, cuda::native(stream));
    }

private:
    /// The default stream, on which the host copies, and our streams do not wait for each other.
    static void finish_all() { MOE_CUDA(cudaDeviceSynchronize()); }

    int ordinal_;
    double patience_seconds_;
    cudaDeviceProp properties_{};
    std::shared_ptr<Stamps> stamps_ = std::make_shared<Stamps>();
};

}  // namespace

void check(cudaError_t status, const char* file, int line, const char* expression) {
    if (status == cudaSuccess) return;
    raise_refusal({file, line, expression},
                  fmt::format("{}: {}", cudaGetErrorName(status), cudaGetErrorString(status)));
}

void clear_memory(void* data, std::size_t bytes) {
    MOE_CUDA(cudaMemset(data, 0, bytes));
    MOE_CUDA(cudaStreamSynchronize(cudaStreamLegacy));
}

std::unique_ptr<Device> make_device(int ordinal, double patience_seconds) {
    return std::make_unique<CudaDevice>(ordinal, patience_seconds);
}

}  // namespace moe::cuda
