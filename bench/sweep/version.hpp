#pragma once

#include <string>

namespace moe {

/// One line that names this build and what it runs on: the program's version, the revision of its
/// sources, and the libraries of each backend that was built.
[[nodiscard]] std::string version_line();

}  // namespace moe
