#pragma once

#include <cstdint>
#include <optional>
#include <string_view>

namespace moe {

/// The exponent S of a text "zipf:S"; nothing for any other text. A BadArgument naming `option` for
/// an S that is no number in (0, 10].
[[nodiscard]] std::optional<double> parse_zipf(std::string_view option, std::string_view text);

/// Zipf's law: how much the `rank`-th of many has in proportion to the first, (rank + 1)^-S,
/// ranks counted from 0.
[[nodiscard]] double zipf_share(std::int64_t rank, double exponent);

}  // namespace moe
