#pragma once

#include <cstddef>
#include <string>

namespace moe {

/// What this process may still allocate: the smaller of the machine's available memory and what
/// its control groups have left, in bytes.
[[nodiscard]] std::size_t host_memory_available();
/// The largest data cache of this machine in bytes; 32 MiB where the system does not say.
[[nodiscard]] std::size_t host_cache_bytes();
/// The CPU's model name as the system reports it.
[[nodiscard]] std::string host_cpu_name();

}  // namespace moe
