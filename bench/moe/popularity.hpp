#pragma once

#include "bench/moe/shape.hpp"

#include <cstdint>
#include <vector>

namespace moe {

/// The share of tokens that should choose each expert, [experts], adding up to top_k: shares by
/// Zipf's law with exponent shape.expert_zipf, over a seeded order of the experts, so that popular
/// ones lie anywhere. No expert is chosen by more than kMaxPopularity of the tokens: what that cuts
/// off goes to the others, in proportion. All alike for exponent 0.
[[nodiscard]] std::vector<double> expert_popularity(const LayerShape& shape, std::uint64_t seed);
inline constexpr double kMaxPopularity = 0.95;

/// Bias on each expert's logit, [experts], that makes a top-k router choose about so, where logits
/// without bias are normal with mean 0 and this deviation: an expert is chosen when its logit is
/// above a threshold that is nearly the same for all tokens, so the bias is the quantile of its
/// popularity. Whole multiples of 2^-10, which leaves exact logits exact.
[[nodiscard]] std::vector<float> popularity_bias(const std::vector<double>& popularity,
                                                 double deviation);

}  // namespace moe
