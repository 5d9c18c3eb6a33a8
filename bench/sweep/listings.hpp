#pragma once

#include <string>
#include <string_view>

namespace moe {

/// What --list shows of `what`: a line for each model, combine, gather or backend. A BadArgument
/// for anything else.
[[nodiscard]] std::string list_of(std::string_view what);

}  // namespace moe
