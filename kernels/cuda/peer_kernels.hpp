#pragma once

#include "kernels/runtime/peer_kernels.hpp"

#include <cstdint>
#include <memory>
#include <string>

namespace moe::cuda {

/// Where kernels of this process leave word of a wait that took too long.
class PeerWatch {
public:
    /// Of the calling thread's device. `patience_seconds`: what a wait has.
    explicit PeerWatch(double patience_seconds);
    ~PeerWatch();
    PeerWatch(const PeerWatch&) = delete;
    PeerWatch& operator=(const PeerWatch&) = delete;
    /// For any thread: which block of which kernel gave up on which rank; empty while none did.
    [[nodiscard]] std::string failure() const;

    struct Words;
    [[nodiscard]] const Words& words() const { return *words_; }

private:
    std::unique_ptr<Words> words_;
};

/// Blocks of kernels that wait for other ranks, each of which may fill a multiprocessor: the same
/// on all ranks.
struct PeerBlocks {
    int most{};  ///< that may wait on a GPU at once while other ranks' get their turn there
    /// Whether more may be launched, to begin as others end: where no other rank has the GPU.
    bool may_queue{};
};
[[nodiscard]] std::unique_ptr<PeerKernels> make_peer_kernels(std::shared_ptr<const PeerWatch> watch,
                                                             PeerBlocks blocks);

}  // namespace moe::cuda
