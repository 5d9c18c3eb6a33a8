#include "kernels/host/peer_kernels.hpp"

#include "kernels/host/sum.hpp"

#include <algorithm>
#include <atomic>
#include <utility>
#include <vector>

namespace moe {
namespace {

/// Looks at a flag before a wait counts as long: some microseconds, which is what ranks that have a
/// core each are apart.
constexpr int kSpins = 4096;

class HostPeerKernels final : public PeerKernels {
public:
    explicit HostPeerKernels(std::function<void()> idle) : idle_(std::move(idle)) {}

    void barrier(const PeerTable& table, Stream& /*stream*/) override {
        const auto own = static_cast<std::size_t>(table.rank);
        const std::atomic_ref mine(*table.flags[own]);
        const auto epoch = mine.load(std::memory_order_relaxed) + 1;
        // What was written and read before is done when another rank sees this.
        mine.store(epoch, std::memory_order_release);
        for (auto* flag : table.flags) wait_for(*flag, epoch);
    }

    void pull_sum(const PeerTable& table, std::size_t offset, const Matrix& to,
                  Stream& stream) override {
        barrier(table, stream);
        terms_.clear();
        for (auto* data : table.data) terms_.push_back({data + offset, to.rows, to.cols, to.dtype});
        sum_matrices(terms_, to);
        barrier(table, stream);
    }

    void push_copy(const PeerTable& table, const Matrix& from, std::size_t offset,
                   Stream& stream) override {
        barrier(table, stream);
        // Each rank begins with its own block, so that not all write to the same one at a time.
        const int ranks = table.ranks();
        for (int i = 0; i < ranks; ++i) {
            const auto peer = static_cast<std::size_t>((table.rank + i) % ranks);
            std::copy_n(from.data, from.bytes(), table.data[peer] + offset);
        }
        barrier(table, stream);
    }

private:
    void wait_for(std::uint32_t& flag, std::uint32_t epoch) const {
        const std::atomic_ref seen(flag);
        // Epochs wrap around, and a rank may be one ahead.
        const auto behind = [&] {
            return static_cast<std::int32_t>(seen.load(std::memory_order_acquire) - epoch) < 0;
        };
        for (int spin = 0; behind(); ++spin) {
            if (spin >= kSpins) idle_();
        }
    }

    std::function<void()> idle_;
    std::vector<Matrix> terms_;  ///< of one call; kept, since a call must not allocate
};

}  // namespace

std::unique_ptr<PeerKernels> make_host_peer_kernels(std::function<void()> idle) {
    return std::make_unique<HostPeerKernels>(std::move(idle));
}

}  // namespace moe
