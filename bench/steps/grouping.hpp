#pragma once

#include "bench/steps/buckets.hpp"

#include <cstddef>
#include <cstdint>
#include <vector>

namespace moe {

/// Few buckets that stand for many, each with the steps it stands for, and how far off that is: the
/// rows by which a step differs from the one that stands for it, added up over the DP ranks.
struct Grouping {
    std::vector<Bucket> representatives;
    std::int64_t steps{};
    double mean_rows{};  ///< of a step
    double mean_error{};
    double largest_error{};
};

/// At most `most` groups of buckets of one phase. The group with the largest squared error is cut
/// in two where its DP ranks' rows spread most, at their mean, until there are enough or none has
/// an error; the bucket nearest to the mean of its group stands for it.
[[nodiscard]] Grouping group_buckets(std::vector<Bucket> buckets, std::size_t most);

}  // namespace moe
