#pragma once

#include "kernels/runtime/peer_kernels.hpp"
#include "tests/given_norm.hpp"
#include "tests/peer_rounds.hpp"

#include <functional>
#include <optional>
#include <string>

namespace moe {

/// The residual norm that a round's pass ends with, if the round has one and the pass takes it.
class RoundNorm {
public:
    RoundNorm(const PeerRound& round, const PeerKernels& kernels, OwnersPass pass)
        : seed_(round.number),
          taken_(round.norm &&
                 kernels.can_norm(pass, static_cast<std::size_t>(round.cols) * size_of(round.dtype),
                                  round.most_rows())) {}

    /// Whether there is one. Rows are then whole vectors, and begin with one.
    [[nodiscard]] bool taken() const { return taken_; }
    /// Of `rows`; what it writes is poisoned.
    void make(Device& device, const Matrix& rows, std::byte poison, Stream& stream) {
        if (!taken_) return;
        norm_.emplace(device, rows, seed_);
        norm_->poison(poison, stream);
    }
    [[nodiscard]] const ResidualNorm* operands() const {
        return norm_ ? &norm_->operands() : nullptr;
    }
    /// What is wrong first after the pass; empty where nothing is.
    [[nodiscard]] std::string wrong(const std::function<void(const ResidualNorm&)>& residual_norm) {
        return norm_ ? norm_->wrong(residual_norm) : std::string();
    }

private:
    std::uint64_t seed_;
    bool taken_;
    std::optional<GivenNorm> norm_;
};

}  // namespace moe
