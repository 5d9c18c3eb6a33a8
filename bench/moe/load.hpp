#pragma once

#include <cstdint>
#include <string>
#include <string_view>
#include <vector>

namespace moe {

/// How the tokens of one step lie over the DP ranks: `balanced`, `linear` (DP rank g has g + 1
/// shares), `zipf:S` (rank g has (g + 1)^-S), `hot` (rank 0 has all), or `counts:8;7;6;0` (shares,
/// one for each rank).
class Load {
public:
    /// A BadArgument that says what there is, unless the text is one of the above.
    explicit Load(std::string_view text);

    [[nodiscard]] const std::string& text() const { return text_; }
    /// Why this load cannot be dealt to `dp` ranks; empty when it can.
    [[nodiscard]] std::string obstacle(int dp) const;
    /// Exactly `tokens` tokens over `dp` ranks in proportion to the shares, by largest remainder;
    /// what is left goes to the lowest ranks first.
    [[nodiscard]] std::vector<std::int64_t> deal(std::int64_t tokens, int dp) const;

private:
    enum class Kind : std::uint8_t { balanced, linear, zipf, hot, counts };
    [[nodiscard]] std::int64_t share(std::size_t rank) const;

    std::string text_;
    Kind kind_{};
    double exponent_{};                 ///< for zipf only
    std::vector<std::int64_t> shares_;  ///< for counts only
};

}  // namespace moe
