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

/// Kernels of at most `max_blocks` blocks, of which each may fill a multiprocessor: as many on all
/// ranks, and no more than may wait on a GPU at once while other ranks' get their turn there.
[[nodiscard]] std::unique_ptr<PeerKernels> make_peer_kernels(std::shared_ptr<const PeerWatch> watch,
                                                             int max_blocks);

}  // namespace moe::cuda
