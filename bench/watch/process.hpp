#pragma once

#include <string>
#include <vector>

namespace moe {

/// SIGTERM (15).
[[nodiscard]] std::string signal_name(int signal);

/// Whether a signal has its default action.
[[nodiscard]] bool is_default(int signal);

/// Opens /dev/null in place of each standard stream that the caller closed: the next file to be
/// opened would get its number, and with it everything that is printed.
void keep_standard_streams();

/// The signals of a crash (SIGSEGV and its like) that have their default action: before MPI starts,
/// those that no sanitizer handles.
[[nodiscard]] std::vector<int> unhandled_crashes();
/// From now on these say so in one line, which begins with `who`, before they end the process as
/// they always do. After MPI has started, which would print its own stack trace in many.
void report_crashes(const std::vector<int>& signals, const std::string& who);

}  // namespace moe
