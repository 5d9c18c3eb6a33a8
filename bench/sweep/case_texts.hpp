#pragma once

#include "bench/sweep/case.hpp"

#include <string>
#include <string_view>

namespace moe {

/// 16 hex digits that depend on every field and on `where` (backend, ranks, hosts): the same inputs
/// have the same id in every run.
[[nodiscard]] std::string case_id(const Case& params, std::string_view where);

/// Everything that weights and reference depend on: cases with the same key share them.
[[nodiscard]] std::string weights_key(const Case& params);

/// What is not at its default, or worth a word anyway, without load and tokens.
[[nodiscard]] std::string labels_of(const Case& params);
/// A case in a few words, for people: what is not at its default is named.
[[nodiscard]] std::string label_of(const Case& params);

}  // namespace moe
