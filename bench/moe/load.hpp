#pragma once

#include <cstdint>
#include <string>
#include <string_view>
#include <vector>

namespace moe {

/// How the tokens of one step lie over the DP ranks: `balanced`, `linear` (DP rank g has g + 1
/// shares), `zipf:S` (rank g has (g + 1)^-S), `hot` (rank 0 has all), `idle:K` (the last K have
/// none, the others as many each), or `counts:8;7;6;0` (shares, one for each rank). `mixed:C:B` is
/// a step of so many tokens: rank 0 has a prefill chunk of C, every other rank B in decode.
class Load {
public:
    /// A BadArgument that says what there is, unless the text is one of the above.
    explicit Load(std::string_view text);

    [[nodiscard]] const std::string& text() const { return text_; }
    [[nodiscard]] bool operator==(const Load& other) const { return text_ == other.text_; }
    /// Whether the load itself says how many tokens there are; others take any number.
    [[nodiscard]] bool mixed() const { return kind_ == Kind::mixed; }
    /// Tokens of a mixed load's step on `dp` ranks.
    [[nodiscard]] std::int64_t mixed_tokens(std::int64_t dp) const;
    /// Why this load cannot be dealt to `dp` ranks; empty when it can.
    [[nodiscard]] std::string obstacle(int dp) const;
    /// Exactly `tokens` tokens over `dp` ranks in proportion to the shares, by largest remainder;
    /// what is left goes to the lowest ranks first. A mixed load deals its own number only.
    [[nodiscard]] std::vector<std::int64_t> deal(std::int64_t tokens, int dp) const;

private:
    enum class Kind : std::uint8_t { balanced, linear, zipf, hot, idle, counts, mixed };
    [[nodiscard]] std::int64_t share(std::int64_t rank, int dp) const;

    std::string text_;
    Kind kind_{};
    double exponent_{};                 ///< for zipf only
    std::int64_t idle_{};               ///< for idle only: ranks without tokens
    std::vector<std::int64_t> shares_;  ///< for counts; for mixed the two numbers of rows
};

}  // namespace moe
