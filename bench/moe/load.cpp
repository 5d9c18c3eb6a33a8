#include "bench/moe/load.hpp"

#include "bench/moe/zipf.hpp"
#include "kernels/runtime/error.hpp"

#include <fmt/format.h>

#include <algorithm>
#include <charconv>
#include <cmath>
#include <numeric>
#include <optional>

namespace moe {
namespace {

constexpr std::string_view kCounts = "counts:", kIdle = "idle:", kMixed = "mixed:";
/// Shares above this could overflow tokens * share, and no batch is that large.
constexpr std::int64_t kLargestShare = 1'000'000'000;
/// As many tokens as a step may have, and as many ranks.
constexpr std::int64_t kMaxRows = 1 << 24, kMaxRanks = 1 << 20;

std::optional<std::int64_t> parse_count(std::string_view text, std::int64_t least,
                                        std::int64_t most) {
    std::int64_t count = 0;
    const auto [stop, error] = std::from_chars(text.data(), text.data() + text.size(), count);
    const bool whole = error == std::errc() && stop == text.data() + text.size();
    return whole && count >= least && count <= most ? std::optional(count) : std::nullopt;
}

std::vector<std::int64_t> parse_shares(std::string_view load) {
    std::vector<std::int64_t> shares;
    auto rest = load.substr(kCounts.size());
    for (bool more = true; more;) {
        const auto end = std::min(rest.find(';'), rest.size());
        const auto share = parse_count(rest.substr(0, end), 0, kLargestShare);
        if (!share) {
            throw BadArgument(fmt::format(
                "--load '{}': '{}' is not a share; shares are whole numbers from 0 to {}, one for "
                "each DP rank, as in counts:8;7;6;0",
                load, rest.substr(0, end), kLargestShare));
        }
        shares.push_back(*share);
        more = end < rest.size();
        rest.remove_prefix(more ? end + 1 : end);
    }
    if (std::accumulate(shares.begin(), shares.end(), std::int64_t{0}) == 0) {
        throw BadArgument(fmt::format("--load '{}': at least one share must not be 0", load));
    }
    return shares;
}

std::int64_t parse_idle(std::string_view load) {
    const auto ranks = parse_count(load.substr(kIdle.size()), 1, kMaxRanks);
    if (ranks) return *ranks;
    throw BadArgument(
        fmt::format("--load '{}': idle:K is wanted, K of the DP ranks without tokens, from 1 to {}",
                    load, kMaxRanks));
}

/// Rows of the prefill chunk, without which the step is no mixed one, and of decode.
std::vector<std::int64_t> parse_mixed(std::string_view load) {
    const auto rows = load.substr(kMixed.size());
    const auto colon = std::min(rows.find(':'), rows.size());
    const auto chunk = parse_count(rows.substr(0, colon), 1, kMaxRows);
    const auto decode = parse_count(rows.substr(std::min(colon + 1, rows.size())), 0, kMaxRows);
    if (chunk && decode) return {*chunk, *decode};
    throw BadArgument(fmt::format(
        "--load '{}': mixed:C:B is wanted, a prefill chunk of C rows on DP rank 0, from 1 to {}, "
        "and B rows of decode on every other, from 0 to {}",
        load, kMaxRows, kMaxRows));
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
    } else if (text.starts_with(kIdle)) {
        kind_ = Kind::idle;
        idle_ = parse_idle(text);
    } else if (text.starts_with(kCounts)) {
        kind_ = Kind::counts;
        shares_ = parse_shares(text);
    } else if (text.starts_with(kMixed)) {
        kind_ = Kind::mixed;
        shares_ = parse_mixed(text);
    } else {
        throw BadArgument(fmt::format(
            "--load '{}': there are balanced, linear, zipf:S, hot, idle:K, counts:A;B;... (a share "
            "for each DP rank) and mixed:C:B",
            text));
    }
}

std::int64_t Load::mixed_tokens(std::int64_t dp) const {
    MOE_EXPECT(mixed(), "a load that takes any number of tokens");
    return shares_[0] + shares_[1] * (dp - 1);
}

std::string Load::obstacle(int dp) const {
    if (kind_ == Kind::idle && idle_ >= dp) {
        return fmt::format("load {} leaves no DP rank with tokens, dp is {}", text_, dp);
    }
    if (kind_ == Kind::counts && shares_.size() != static_cast<std::size_t>(dp)) {
        return fmt::format("load {} has {} shares, but dp is {}", text_, shares_.size(), dp);
    }
    return {};
}

std::int64_t Load::share(std::int64_t rank, int dp) const {
    switch (kind_) {
        case Kind::balanced:
            return 1;
        case Kind::linear:
            return rank + 1;
        case Kind::zipf:
            return std::llround(static_cast<double>(kLargestShare) * zipf_share(rank, exponent_));
        case Kind::hot:
            return rank == 0 ? 1 : 0;
        case Kind::idle:
            return rank < dp - idle_ ? 1 : 0;
        case Kind::counts:
            return shares_[static_cast<std::size_t>(rank)];
        case Kind::mixed:
            return shares_[rank == 0 ? 0 : 1];
    }
    raise(MOE_SITE("load"), "unknown Load");
}

std::vector<std::int64_t> Load::deal(std::int64_t tokens, int dp) const {
    const auto ranks = static_cast<std::size_t>(dp);
    MOE_EXPECT(obstacle(dp).empty(), "an obstacle was not heeded");
    std::vector<std::int64_t> shares;
    for (std::int64_t r = 0; r < dp; ++r) shares.push_back(share(r, dp));

    const auto sum = std::accumulate(shares.begin(), shares.end(), std::int64_t{0});
    MOE_EXPECT(sum > 0, "shares that add up to nothing");
    if (mixed()) {
        MOE_EXPECT(tokens == sum, "another number of tokens than the load's own");
        return shares;
    }
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
