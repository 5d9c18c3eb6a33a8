#include "bench/moe/load.hpp"

#include "bench/moe/zipf.hpp"
#include "kernels/runtime/error.hpp"

#include <fmt/format.h>

#include <algorithm>
#include <charconv>
#include <cmath>
#include <numeric>

namespace moe {
namespace {

constexpr std::string_view kCounts = "counts:";
/// Shares above this could overflow tokens * share, and no batch is that large.
constexpr std::int64_t kLargestShare = 1'000'000'000;

std::vector<std::int64_t> parse_shares(std::string_view load) {
    std::vector<std::int64_t> shares;
    auto rest = load.substr(kCounts.size());
    for (bool more = true; more;) {
        const auto end = std::min(rest.find(';'), rest.size());
        std::int64_t share = -1;
        const auto [stop, error] = std::from_chars(rest.data(), rest.data() + end, share);
        if (error != std::errc() || stop != rest.data() + end || share < 0 ||
            share > kLargestShare) {
            throw BadArgument(fmt::format(
                "--load '{}': '{}' is not a share; shares are whole numbers from 0 to {}, one for "
                "each DP rank, as in counts:8;7;6;0",
                load, rest.substr(0, end), kLargestShare));
        }
        shares.push_back(share);
        more = end < rest.size();
        rest.remove_prefix(more ? end + 1 : end);
    }
    if (std::accumulate(shares.begin(), shares.end(), std::int64_t{0}) == 0) {
        throw BadArgument(fmt::format("--load '{}': at least one share must not be 0", load));
    }
    return shares;
}

}  // namespace

Load::Load(std::string_view text) : text_(text) {
    if (text == "balanced") {
        kind_ = Kind::balanced;
    } else if (text == "linear") {
        kind_ = Kind::linear;
    } else if (text == "hot") {
        kind_ = Kind::hot;
    } else if (const auto exponent = parse_zipf("--load", text)) {
        kind_ = Kind::zipf;
        exponent_ = *exponent;
    } else if (text.substr(0, kCounts.size()) == kCounts) {
        kind_ = Kind::counts;
        shares_ = parse_shares(text);
    } else {
        throw BadArgument(fmt::format(
            "--load '{}': there are balanced, linear, zipf:S, hot and counts:A;B;... (a share for "
            "each DP rank)",
            text));
    }
}

std::string Load::obstacle(int dp) const {
    if (kind_ != Kind::counts || shares_.size() == static_cast<std::size_t>(dp)) return {};
    return fmt::format("load {} has {} shares, but dp is {}", text_, shares_.size(), dp);
}

std::int64_t Load::share(std::size_t rank) const {
    const auto place = static_cast<std::int64_t>(rank);
    switch (kind_) {
        case Kind::balanced:
            return 1;
        case Kind::linear:
            return place + 1;
        case Kind::zipf:
            return std::llround(static_cast<double>(kLargestShare) * zipf_share(place, exponent_));
        case Kind::hot:
            return rank == 0 ? 1 : 0;
        case Kind::counts:
            return shares_[rank];
    }
    raise(MOE_SITE("load"), "unknown Load");
}

std::vector<std::int64_t> Load::deal(std::int64_t tokens, int dp) const {
    const auto ranks = static_cast<std::size_t>(dp);
    MOE_EXPECT(obstacle(dp).empty(), "an obstacle was not heeded");
    std::vector<std::int64_t> shares;
    for (std::size_t r = 0; r < ranks; ++r) shares.push_back(share(r));

    const auto sum = std::accumulate(shares.begin(), shares.end(), std::int64_t{0});
    MOE_EXPECT(sum > 0, "shares that add up to nothing");
    std::vector<std::int64_t> dealt(ranks);
    std::vector<std::int64_t> remainder(ranks);
    for (std::size_t r = 0; r < ranks; ++r) {
        dealt[r] = tokens * shares[r] / sum;
        remainder[r] = tokens * shares[r] % sum;
    }
    std::vector<std::size_t> order(ranks);
    std::iota(order.begin(), order.end(), std::size_t{0});
    std::stable_sort(order.begin(), order.end(),
                     [&](auto a, auto b) { return remainder[a] > remainder[b]; });
    const auto left = tokens - std::accumulate(dealt.begin(), dealt.end(), std::int64_t{0});
    for (std::int64_t i = 0; i < left; ++i) ++dealt[order[static_cast<std::size_t>(i)]];
    return dealt;
}

}  // namespace moe
