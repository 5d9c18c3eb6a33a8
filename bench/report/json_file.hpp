#pragma once

#include <nlohmann/json_fwd.hpp>

#include <string>

namespace moe {

/// Replaces a small file as a whole: a reader sees the old or the new one, never half of it. An
/// Error if it cannot be written.
void replace_json_file(const std::string& path, const nlohmann::json& value);

}  // namespace moe
