#pragma once

#include <string_view>

namespace moe {

/// Prints for whoever watches. That nobody can see it any more, because the terminal is gone or the
/// reader of a pipe has enough, must not cost the results: they go to files.
void show(std::string_view text);
/// The same on stderr.
void show_error(std::string_view text);

/// Columns of the terminal behind stderr. Under mpirun that is a pipe: then as many as the variable
/// COLUMNS says, else 80.
[[nodiscard]] int screen_columns();

}  // namespace moe
