#pragma once

#include <span>
#include <string>
#include <string_view>

namespace moe {

/// Something that --list can show: a line for each of its kind.
struct Listing {
    std::string_view name;
    std::string (*text)();
};

/// The text of the list `what`: models, combines, gathers, backends, or one of `more`, which this
/// folder knows nothing of. A BadArgument for anything else.
[[nodiscard]] std::string list_of(std::string_view what, std::span<const Listing> more);

}  // namespace moe
