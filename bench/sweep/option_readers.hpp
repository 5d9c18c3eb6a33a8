#pragma once

#include "bench/sweep/options.hpp"

#include <string>
#include <string_view>

namespace moe {

// What an OptionEntry calls to read its option.

/// Sets a member to what `Parse` makes of the option's name and text.
template <auto Member, auto Parse>
void read_into(std::string_view option, const std::string& text, Options& options) {
    options.*Member = Parse(option, text);
}

/// Sets a flag's member.
template <auto Member>
void read_flag(std::string_view /*option*/, const std::string& /*text*/, Options& options) {
    options.*Member = true;
}

}  // namespace moe
