#include "kernels/cuda/peer_kernels.hpp"

#include "kernels/cuda/cuda.hpp"
#include "kernels/cuda/patience.hpp"
#include "kernels/cuda/peer.hpp"
#include "kernels/cuda/peer_launch.hpp"

#include <fmt/format.h>

#include <algorithm>
#include <atomic>
#include <utility>

namespace moe::cuda {

struct PeerWatch::Words {
    PeerError* on_host{};
    PeerError* on_device{};
    unsigned long long patience_ns{};
};

PeerWatch::PeerWatch(double patience_seconds) : words_(std::make_unique<Words>()) {
    void* raw{};
    MOE_CUDA(cudaHostAlloc(&raw, sizeof(PeerError), cudaHostAllocMapped | cudaHostAllocPortable));
    words_->on_host = static_cast<PeerError*>(raw);
    *words_->on_host = {};
    MOE_CUDA(cudaHostGetDevicePointer(&raw, words_->on_host, 0));
    words_->on_device = static_cast<PeerError*>(raw);
    words_->patience_ns = patience_ns(patience_seconds);
}

PeerWatch::~PeerWatch() {
    cudaFreeHost(words_->on_host);
}

std::string PeerWatch::failure() const {
    auto& error = *words_->on_host;
    if (std::atomic_ref(error.waited).load(std::memory_order_acquire) == 0) return {};
    return fmt::format(
        "a kernel waited {:g} s for rank {} in peer memory (block {}, epoch {}, saw {:#x})",
        static_cast<double>(words_->patience_ns) * 1e-9, error.peer_and_block >> 16U,
        error.peer_and_block & 0xffffU, error.epoch, error.seen);
}

namespace {

class CudaPeerKernels final : public PeerKernels {
public:
    CudaPeerKernels(std::shared_ptr<const PeerWatch> watch, PeerBlocks blocks)
        : watch_(std::move(watch)), blocks_(blocks) {}

    [[nodiscard]] bool can_norm(OwnersPass pass, std::size_t row_bytes,
                                std::int64_t most_rows) const override {
        if (row_bytes % PushPlan::kVector != 0) return false;
        switch (pass) {
            case OwnersPass::pull_sum:
            case OwnersPass::push_sum:
                return true;
            case OwnersPass::push_weighted_sum:
                return push_weighted_norms(most_rows, row_bytes, blocks_.most);
            case OwnersPass::pull_weighted_sum:
                return false;
        }
        return false;
    }
    void barrier(const PeerTable& table, Stream& stream) override {
        launch_peer_barrier(peers(table), native(stream));
    }
    void pull_sum(const PeerTable& table, const OwnRows& to, Stream& stream) override {
        launch_pull_sum(peers(table), to, on(stream));
    }
    void push_sum(const PeerTable& inbox, const PushSum& sum, Stream& stream) override {
        launch_push_sum(peers(inbox), sum, on(stream));
    }
    void push_weighted_sum(const PeerTable& inbox, const PushWeightedSum& sum,
                           Stream& stream) override {
        launch_push_weighted_sum(peers(inbox), sum, on(stream));
    }
    void pull_weighted_sum(const PeerTable& table, const PullWeightedSum& sum,
                           Stream& stream) override {
        launch_pull_weighted_sum(peers(table), sum, on(stream));
    }
    void push_copy(const PeerTable& table, const OwnRows& from, Stream& stream) override {
        launch_push_copy(peers(table), from, on(stream));
    }
    void all_reduce_push(const PushInbox& inbox, const Matrix& in, const Matrix& out,
                         Stream& stream) override {
        launch_all_reduce_push(peers(inbox.table), inbox.slot_bytes, in, out, on(stream));
    }
    void all_reduce_one_shot(const PeerTable& in, const Matrix& out, Stream& stream) override {
        launch_one_shot(peers(in), out, on(stream));
    }
    void all_reduce_two_shot(const PeerTable& in, const PeerTable& parts, const Matrix& out,
                             Stream& stream) override {
        launch_two_shot(peers(in), peers(parts), out, on(stream));
    }

private:
    [[nodiscard]] Peers peers(const PeerTable& table) const {
        MOE_EXPECT(table.ranks() <= kMaxPeers, "more ranks than a kernel's parameters hold");
        Peers peers{};
        std::ranges::copy(table.data, peers.data);
        std::ranges::copy(table.flags, peers.flags);
        peers.epochs = table.epochs;
        peers.error = watch_->words().on_device;
        peers.patience_ns = watch_->words().patience_ns;
        peers.rank = table.rank;
        peers.ranks = table.ranks();
        return peers;
    }
    [[nodiscard]] PeerLaunch on(const Stream& stream) const {
        return {native(stream), blocks_.most, blocks_.may_queue};
    }

    std::shared_ptr<const PeerWatch> watch_;
    PeerBlocks blocks_;
};

}  // namespace

std::unique_ptr<PeerKernels> make_peer_kernels(std::shared_ptr<const PeerWatch> watch,
                                               PeerBlocks blocks) {
    return std::make_unique<CudaPeerKernels>(std::move(watch), blocks);
}

}  // namespace moe::cuda
