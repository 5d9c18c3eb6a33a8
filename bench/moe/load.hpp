#pragma once

#include <cstdint>
#include <string>
#include <string_view>
#include <vector>

namespace moe {

/// How the tokens of one step lie over the DP ranks: `balanced`, `hot` (DP rank 0 has all), or
/// `counts:8;7;6;0` (shares, in proportion).
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
    enum class Kind : std::uint8_t { balanced, hot, counts };

    std::string text_;
    Kind kind_{};
    std::vector<std::int64_t> shares_;  ///< for counts only
};

}  // namespace moe
