#include "bench/verify/reference.hpp"

#include <fmt/format.h>

#include <algorithm>
#include <array>
#include <cmath>
#include <numeric>

namespace moe {
namespace {

/// Rows that are kept: those of one case, which every strategy is compared with.
constexpr std::size_t kMaxRows = 4;

constexpr double kUnit = 0x1p-24;  ///< unit roundoff of f32, which the layer computes in

/// Relative error bound of a sum of n products in f32 in any order.
double gamma(std::int64_t n) {
    return static_cast<double>(n + 1) * kUnit;
}

/// The error of a value that was off by `error` once it is stored as `dtype`; arithmetic in f32
/// counts its own roundings.
double stored(DType dtype, double value, double error) {
    if (dtype == DType::f32) return error;
    const auto& type = traits(dtype);
    return error + type.unit_roundoff * (std::abs(value) + error) + type.underflow;
}

struct Dot {
    double value{};
    double magnitude{};  ///< sum of |x| |w|
};

/// Eight partial sums, so that the compiler can use vectors without reordering on its own.
Dot dot(const double* x, const float* w, std::int64_t count) {
    constexpr std::int64_t kLanes = 8;
    std::array<double, kLanes> value{};
    std::array<double, kLanes> magnitude{};
    std::int64_t i = 0;
    for (; i + kLanes <= count; i += kLanes) {
        for (std::int64_t lane = 0; lane < kLanes; ++lane) {
            const double product = x[i + lane] * static_cast<double>(w[i + lane]);
            value[static_cast<std::size_t>(lane)] += product;
            magnitude[static_cast<std::size_t>(lane)] += std::abs(product);
        }
    }
    for (; i < count; ++i) {
        value[0] += x[i] * static_cast<double>(w[i]);
        magnitude[0] += std::abs(x[i] * static_cast<double>(w[i]));
    }
    return {std::accumulate(value.begin(), value.end(), 0.0),
            std::accumulate(magnitude.begin(), magnitude.end(), 0.0)};
}

double sigmoid(double x) {
    return 1 / (1 + std::exp(-x));
}

/// What the weights are in proportion to. The exponentials of a softmax are: their sum over all
/// experts is no part of a weight.
double score(double logit, Scoring scoring) {
    switch (scoring) {
        case Scoring::softmax:
            return std::exp(logit);
        case Scoring::sigmoid:
            return sigmoid(logit);
        case Scoring::sqrtsoftplus:
            return std::sqrt(std::log1p(std::exp(logit)));
    }
    raise(MOE_SITE("reference"), "unknown Scoring");
}

std::size_t index(std::int64_t value) {
    return static_cast<std::size_t>(value);
}

}  // namespace

LayerReference::LayerReference(const LayerShape& shape, const Parallel& parallel, DType compute,
                               std::uint64_t seed, int layer)
    : shape_(shape),
      parallel_(parallel),
      compute_(compute),
      synthetic_(shape, seed, layer),
      router_bias_(synthetic_.router_bias()) {}

LayerReference::Choice LayerReference::route(std::int64_t token) const {
    std::vector<float> x(index(shape_.hidden));
    std::vector<float> w(index(shape_.hidden));
    synthetic_.token(token, x);
    const std::vector<double> wide(x.begin(), x.end());
    std::vector<double> logits;
    for (std::int64_t e = 0; e < shape_.experts; ++e) {
        synthetic_.router(e, w);
        const double bias = router_bias_.empty() ? 0 : static_cast<double>(router_bias_[index(e)]);
        logits.push_back(dot(wide.data(), w.data(), shape_.hidden).value + bias);
    }
    Choice choice;
    choice.experts.resize(logits.size());
    std::iota(choice.experts.begin(), choice.experts.end(), std::int64_t{0});
    std::stable_sort(choice.experts.begin(), choice.experts.end(),
                     [&](auto a, auto b) { return logits[index(a)] > logits[index(b)]; });
    choice.experts.resize(static_cast<std::size_t>(shape_.top_k));

    double sum = 0;
    for (const auto e : choice.experts) {
        choice.weights.push_back(score(logits[index(e)], shape_.scoring));
        sum += choice.weights.back();
    }
    for (auto& weight : choice.weights) weight /= sum;
    if (shape_.shared_gate) {
        synthetic_.shared_gate(w);
        choice.shared_weight = sigmoid(dot(wide.data(), w.data(), shape_.hidden).value);
    }
    return choice;
}

const LayerReference::Row& LayerReference::row(std::int64_t token,
                                               const std::function<void()>& on_progress) {
    if (const auto known = rows_.find(token); known != rows_.end()) return known->second;
    if (rows_.size() == kMaxRows) rows_.clear();
    const auto choice = route(token);
    std::vector<float> x(index(shape_.hidden));
    synthetic_.token(token, x);

    Row row;
    row.value.resize(x.size());
    row.partial_magnitude.resize(x.size());
    row.compute_error.resize(x.size());
    std::vector<std::vector<double>> partial(static_cast<std::size_t>(parallel_.ranks),
                                             std::vector<double>(x.size()));
    for (std::size_t k = 0; k < choice.experts.size(); ++k) {
        add_mlp(row, partial, choice.experts[k], choice.weights[k], x);
        on_progress();
    }
    if (shape_.shared_intermediate > 0) {
        add_mlp(row, partial, Synthetic::kShared, choice.shared_weight, x);
    }
    for (const auto& of_rank : partial) {
        for (std::size_t col = 0; col < x.size(); ++col) {
            row.value[col] += of_rank[col];
            row.partial_magnitude[col] += std::abs(of_rank[col]);
        }
    }
    return rows_.emplace(token, std::move(row)).first->second;
}

/// Adds weight * mlp(x) to the partial sums of the ranks that hold its columns, and its error.
void LayerReference::add_mlp(Row& row, std::vector<std::vector<double>>& partial,
                             std::int64_t expert, double weight,
                             const std::vector<float>& x) const {
    const bool shared = expert == Synthetic::kShared;
    const auto width = shared ? shape_.shared_intermediate : shape_.intermediate;
    const auto hidden = shape_.hidden;
    const std::vector<double> wide(x.begin(), x.end());
    std::vector<float> w(index(std::max(hidden, width)));
    std::vector<double> act(index(width));
    std::vector<double> act_error(index(width));
    for (std::int64_t i = 0; i < width; ++i) {
        synthetic_.gate(expert, i, {w.data(), index(hidden)});
        const auto gate = dot(wide.data(), w.data(), hidden);
        synthetic_.up(expert, i, {w.data(), index(hidden)});
        const auto up = dot(wide.data(), w.data(), hidden);
        const double silu = gate.value * sigmoid(gate.value);
        const double gate_error = stored(compute_, gate.value, gamma(hidden) * gate.magnitude);
        const double up_error = stored(compute_, up.value, gamma(hidden) * up.magnitude);
        // |silu'| <= 1.1; exp, the division and two products round a few times more.
        const double silu_error = 1.1 * gate_error + 8 * kUnit * std::abs(silu);
        act[index(i)] = silu * up.value;
        const double error = silu_error * (std::abs(up.value) + up_error) +
                             std::abs(silu) * up_error + kUnit * std::abs(act[index(i)]);
        act_error[index(i)] = stored(compute_, act[index(i)], error);
    }
    // The ranks that hold this MLP: all for the shared expert, its ep block for a routed one.
    for (int rank = 0; rank < parallel_.ranks; ++rank) {
        const auto shard = shard_of(shape_, parallel_, rank);
        const bool held = shared || (expert >= shard.experts.first && expert < shard.experts.last);
        const auto slice = shared ? shard.shared : shard.intermediate;
        if (!held || slice.size() == 0) continue;
        auto& sums = partial[static_cast<std::size_t>(rank)];
        for (std::int64_t col = 0; col < hidden; ++col) {
            synthetic_.down(expert, col, slice.first, {w.data(), index(slice.size())});
            const auto out = dot(&act[index(slice.first)], w.data(), slice.size());
            double carried = 0;
            for (std::int64_t i = 0; i < slice.size(); ++i) {
                carried +=
                    act_error[index(slice.first + i)] * std::abs(static_cast<double>(w[index(i)]));
            }
            sums[index(col)] += weight * out.value;
            // In units of roundoff a score errs by 4 at most (exp and log1p by 2 each, all else by
            // 1; a root halves what it gets), the sum of top_k of them by top_k - 1 more, the
            // division by 2; a product then by 1, the sum of top_k + 1 products by top_k.
            const double weighing = gamma(2 * shape_.top_k + 10);
            const double error = carried + (gamma(slice.size()) + weighing) * out.magnitude;
            row.compute_error[index(col)] += weight * stored(compute_, out.value, error);
        }
    }
}

std::size_t LayerReference::bytes(const LayerShape& shape) {
    return kMaxRows * 3 * sizeof(double) * index(shape.hidden);
}

std::int64_t reference_weights(const LayerShape& shape) {
    return 3 * shape.hidden * (shape.top_k * shape.intermediate + shape.shared_intermediate);
}

void Deviation::add(const Deviation& other) {
    squared_error += other.squared_error;
    squared_value += other.squared_value;
    elements += other.elements;
    if (wrong.empty()) wrong = other.wrong;
}

Deviation compare_row(const std::vector<float>& got, const LayerReference::Row& want, DType dtype,
                      int roundings) {
    MOE_EXPECT(got.size() == want.value.size(), "rows of different width");
    const double relative = roundings * traits(dtype).unit_roundoff;
    Deviation deviation;
    deviation.elements = static_cast<std::int64_t>(got.size());
    for (std::size_t col = 0; col < got.size(); ++col) {
        const double error = static_cast<double>(got[col]) - want.value[col];
        // Each rounding acts on what the ones before it left, hence the second factor.
        const double bound =
            want.compute_error[col] +
            relative * (1 + relative) * (want.partial_magnitude[col] + want.compute_error[col]);
        deviation.squared_error += error * error;
        deviation.squared_value += want.value[col] * want.value[col];
        // Written so that a NaN is outside every bound.
        if (!(std::abs(error) <= bound) && deviation.wrong.empty()) {
            deviation.wrong = fmt::format("column {} is {}, not {:.6g} +- {:.2g}", col, got[col],
                                          want.value[col], bound);
        }
    }
    return deviation;
}

}  // namespace moe
