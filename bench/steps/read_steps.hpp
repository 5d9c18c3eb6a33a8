#pragma once

#include "bench/steps/step.hpp"

#include <functional>
#include <string>
#include <string_view>

namespace moe {

/// The steps of a file, CSV or JSONL, as README.md of this folder describes it. Each bad row is a
/// line: file, line, what was seen, what is possible. The last of them, or the eighth with the
/// number of those that follow, is thrown as a BadArgument; those before it go to `on_bad`.
[[nodiscard]] StepFile parse_steps(
    std::string_view text, const std::string& path,
    const std::function<void(const std::string&)>& on_bad = [](const std::string& /*line*/) {});

/// The bytes of a file. A BadArgument where it cannot be read, or has more than can be sent to
/// other ranks.
[[nodiscard]] std::string read_step_bytes(const std::string& path);

}  // namespace moe
