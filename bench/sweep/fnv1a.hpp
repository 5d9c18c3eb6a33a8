#pragma once

#include <string>
#include <string_view>

namespace moe {

/// FNV-1a of the text as 16 hex digits: stable over machines and compilers, unlike std::hash.
[[nodiscard]] std::string fnv1a(std::string_view text);

}  // namespace moe
