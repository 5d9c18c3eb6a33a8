#pragma once

#include "bench/moe/shape.hpp"

#include <cstdint>
#include <span>
#include <vector>

namespace moe {

/// A step's tokens and a layer's weights as pure functions of (seed, layer, index), so that any
/// rank can compute any value: the verifier needs no rank to trust another, and every rank count
/// sees the same model. All layers read the same tokens.
///
/// Every value is a whole number of at most 7 bits times a power of two, which every wire and
/// compute type holds exactly. A router logit's partial sums are then exact in f32 in any order,
/// whatever the values up to a hidden size of 4096, and beyond it with the sums that random signs
/// give (64 * 64 * H against 2^24), so no two machines, BLAS versions or rank counts disagree about
/// who is routed where.
class Synthetic {
public:
    Synthetic(const LayerShape& shape, std::uint64_t seed, int layer = 0)
        : shape_(shape), seed_(seed), layer_(layer) {}

    /// Column of row `token`: k/64 with k in [-64, 63]; standard deviation 0.58.
    void token(std::int64_t token, std::span<float> hidden) const;
    /// Row of the router for `expert`, scaled so that logits have a standard deviation of about 1.
    void router(std::int64_t expert, std::span<float> hidden) const;
    /// What is added to each expert's logit, so that it is as popular as shape.expert_zipf wants;
    /// empty where all are alike.
    [[nodiscard]] std::vector<float> router_bias() const;
    void shared_gate(std::span<float> hidden) const;

    /// Which MLP: a routed expert's index, or the shared expert.
    static constexpr std::int64_t kShared = -1;
    /// Row i of gate and up [I, H] and row j of down [H, I], columns first, first + 1, ...; scaled
    /// so that the MLP's output has a standard deviation of the order of its input's.
    void gate(std::int64_t expert, std::int64_t row, std::span<float> hidden) const;
    void up(std::int64_t expert, std::int64_t row, std::span<float> hidden) const;
    void down(std::int64_t expert, std::int64_t row, std::int64_t first,
              std::span<float> columns) const;

private:
    [[nodiscard]] std::uint32_t key(std::uint64_t tensor, std::int64_t a, std::int64_t b) const;

    LayerShape shape_;
    std::uint64_t seed_;
    int layer_;
};

}  // namespace moe
