#pragma once

#include "bench/moe/parallel.hpp"
#include "bench/moe/synthetic.hpp"
#include "kernels/runtime/device.hpp"

#include <cstdint>
#include <functional>
#include <map>
#include <string>
#include <vector>

namespace moe {

/// The whole layer for single tokens in fp64, from nothing but the model's definition: it shares
/// the generator of the weights with the program under test and no arithmetic.
class LayerReference {
public:
    /// `compute`: what experts' inputs, activations and outputs are stored as; sums are f32.
    LayerReference(const LayerShape& shape, const Parallel& parallel, DType compute,
                   std::uint64_t seed, int layer = 0);

    [[nodiscard]] const LayerShape& shape() const { return shape_; }
    [[nodiscard]] DType compute() const { return compute_; }

    /// The layer's output for one token, and what a right implementation may differ by.
    struct Row {
        std::vector<double> value;
        /// Sum over the ranks of |partial sum|: an addition of partial sums in any order gives at
        /// most this, so each rounding to the wire type errs by at most its unit roundoff times it.
        std::vector<double> partial_magnitude;
        /// Bound on the error of the arithmetic before the first rounding to the wire type, by
        /// forward error analysis (Higham, Accuracy and Stability, chapter 3): f32 sums, and a
        /// rounding to the compute type of gate, up, activation and output of each expert.
        std::vector<double> compute_error;
    };
    /// Computed on first use, then kept for a while: a later call may drop it. `on_progress` is
    /// called after each MLP.
    [[nodiscard]] const Row& row(
        std::int64_t token, const std::function<void()>& on_progress = [] {});
    /// Bytes that are kept at most.
    [[nodiscard]] static std::size_t bytes(const LayerShape& shape);

    /// The experts of a token, best first, and their weights.
    struct Choice {
        std::vector<std::int64_t> experts;
        std::vector<double> weights;
        double shared_weight{1};
    };
    [[nodiscard]] Choice route(std::int64_t token) const;

private:
    void add_mlp(Row& row, std::vector<std::vector<double>>& partial, std::int64_t expert,
                 double weight, const std::vector<float>& x) const;

    LayerShape shape_;
    Parallel parallel_;
    DType compute_;
    Synthetic synthetic_;
    std::vector<float> router_bias_;  ///< empty where there is none
    std::map<std::int64_t, Row> rows_;
};

/// Weights that one token's reference multiplies with: what a row costs.
[[nodiscard]] std::int64_t reference_weights(const LayerShape& shape);

/// One comparison of a result with the reference.
struct Deviation {
    double squared_error{};  ///< sum over the checked elements
    double squared_value{};  ///< of the reference
    std::int64_t elements{};
    std::string wrong;  ///< the first element outside its bound, described; empty when all hold

    void add(const Deviation& other);
};

/// Compares one row of a result in wire type `dtype`. Each of `roundings` roundings may err by the
/// type's unit roundoff: one when the local sum is stored, one for each addition of ranks' sums.
[[nodiscard]] Deviation compare_row(const std::vector<float>& got, const LayerReference::Row& want,
                                    DType dtype, int roundings);

}  // namespace moe
