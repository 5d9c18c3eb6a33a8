#pragma once

#include <cstdint>
#include <string_view>

namespace moe {

/// SGLang's DpPaddingMode. sum_len: each DP rank brings its own tokens. max_len: as many rows as
/// the one with most tokens.
enum class Padding : std::uint8_t { sum_len, max_len };

[[nodiscard]] constexpr std::string_view to_string(Padding padding) {
    return padding == Padding::sum_len ? "sum_len" : "max_len";
}

}  // namespace moe
