#pragma once

#include <string_view>

namespace moe {

/// Has the C library keep what was freed for the next allocation, whatever its size. By default it
/// gives large pieces back to the kernel, or does not, by what happened to be allocated before: a
/// library that takes scratch memory in each call then pays for its pages each time, and some of
/// MPI's collectives of 16 MiB take twice as long (bench/README.md). Allocators that engines
/// preload (jemalloc, tcmalloc) keep memory too. Settings of the user (GLIBC_TUNABLES, MALLOC_...)
/// stay as they are. To be called before anything large is allocated.
void keep_freed_memory();
/// What keep_freed_memory() did, for provenance: "kept" or "as the environment says".
[[nodiscard]] std::string_view freed_memory();
/// Gives back what was freed and kept, so that the system counts it as free.
void return_freed_memory();

}  // namespace moe
