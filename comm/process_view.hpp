#pragma once

#include <cstdint>
#include <string>
#include <vector>

namespace moe {

/// What the kernel says of a process of this host: running (or waiting, or traced), stopped by a
/// signal, or gone; a zombie is gone.
enum class ProcessState : std::uint8_t { running, stopped, gone };
[[nodiscard]] ProcessState state_of_process(int pid);
/// 0 if it has none in this PID namespace, or it is unknown.
[[nodiscard]] int parent_of_process(int pid);
/// What it was started with, as NAME=VALUE; empty if unknown.
[[nodiscard]] std::vector<std::string> environment_of_process(int pid);
/// This process and those that it was started by, one after the other, as far as its PID namespace
/// goes.
[[nodiscard]] std::vector<int> lineage();

}  // namespace moe
