#pragma once

#include "bench/steps/step.hpp"

#include <string_view>

namespace moe {

/// Takes key=value of a comment into the file's deployment; other words are for people, and an
/// empty value is unknown. A BadArgument for a key or value that has no meaning.
void read_step_comment(std::string_view comment, StepFile& file);

/// A BadArgument where what is known of the deployment does not go together.
void check_deployment(const StepFile& file);

}  // namespace moe
