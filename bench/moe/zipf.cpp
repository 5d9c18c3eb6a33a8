#include "bench/moe/zipf.hpp"

#include "kernels/runtime/error.hpp"

#include <fmt/format.h>

#include <charconv>
#include <cmath>

namespace moe {
namespace {

constexpr std::string_view kZipf = "zipf:";
/// Steeper than this the second has a thousandth of what the first has.
constexpr double kSteepest = 10;

}  // namespace

std::optional<double> parse_zipf(std::string_view option, std::string_view text) {
    if (text.substr(0, kZipf.size()) != kZipf) return std::nullopt;
    const auto number = text.substr(kZipf.size());
    double exponent = 0;
    const auto* end = number.data() + number.size();
    const auto [stop, error] = std::from_chars(number.data(), end, exponent);
    // Written so that a NaN is refused.
    if (error != std::errc() || stop != end || !(exponent > 0 && exponent <= kSteepest)) {
        throw BadArgument(
            fmt::format("{} '{}': zipf:S wants a number S above 0 and at most {}, as in zipf:1.2",
                        option, text, kSteepest));
    }
    return exponent;
}

double zipf_share(std::int64_t rank, double exponent) {
    return std::pow(static_cast<double>(rank + 1), -exponent);
}

}  // namespace moe
