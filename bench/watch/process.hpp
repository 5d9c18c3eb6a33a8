#pragma once

#include <cstdint>
#include <string>
#include <vector>

namespace moe {

/// What the kernel says of a process of this host: running (or waiting, or traced), stopped by a
/// signal, or gone; one that nobody has reaped yet is gone.
enum class ProcessState : std::uint8_t { running, stopped, gone };
[[nodiscard]] ProcessState state_of_process(int pid);
/// 0 if it has none in this PID namespace, or nobody says.
[[nodiscard]] int parent_of_process(int pid);
/// What it was started with, as NAME=VALUE; empty if nobody says.
[[nodiscard]] std::vector<std::string> environment_of_process(int pid);

/// SIGTERM (15).
[[nodiscard]] std::string signal_name(int signal);

/// Whether nobody handles a signal or ignores it.
[[nodiscard]] bool is_default(int signal);

/// Opens /dev/null in place of each standard stream that the caller closed: the next file to be
/// opened would get its number, and with it everything that is printed.
void keep_standard_streams();

/// The signals of a crash (SIGSEGV and its like) that nobody handles: before MPI starts, those that
/// no sanitizer wants for itself.
[[nodiscard]] std::vector<int> unhandled_crashes();
/// From now on these say so in one line, which begins with `who`, before they end the process as
/// they always do. After MPI has started, which would print its own stack trace in many.
void report_crashes(const std::vector<int>& signals, const std::string& who);

}  // namespace moe
