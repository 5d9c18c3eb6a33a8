#pragma once

#include "kernels/runtime/error.hpp"

#include <algorithm>
#include <string_view>

namespace moe {

/// What a user sees of a BadArgument: one line, with something in it, that moves no cursor.
inline void check_complaint(const BadArgument& error) {
    const std::string_view text(error.what());
    MOE_EXPECT(!text.empty(), "a complaint without a word");
    const auto is_control = [](char c) { return (c >= 0 && c < ' ') || c == '\x7f'; };
    MOE_EXPECT(std::none_of(text.begin(), text.end(), is_control), "control characters in it");
}

}  // namespace moe
