#pragma once

#include <string>
#include <string_view>

namespace moe {

/// What the kernel says of where this process runs. Names of hosts do not tell: two containers of
/// one machine may have two, and two machines may have one.

/// The same for all processes under one running kernel, containers included, and for no others.
/// Empty where the kernel does not say.
[[nodiscard]] std::string boot_id();
/// Which namespace of a kind ("pid", "time", ...) this process is in: unique under one kernel.
/// Empty where the kernel has none of that kind.
[[nodiscard]] std::string namespace_id(std::string_view kind);

}  // namespace moe
