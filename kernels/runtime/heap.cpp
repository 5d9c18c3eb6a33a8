#include "kernels/runtime/heap.hpp"

#include <malloc.h>
#include <unistd.h>

#include <algorithm>
#include <array>
#include <limits>

namespace moe {
namespace {

/// Whether the user has set how this process allocates.
bool set_by_user() {
    constexpr std::array<std::string_view, 2> kSettings{"MALLOC_", "GLIBC_TUNABLES=glibc.malloc."};
    for (char** variable = environ; *variable != nullptr; ++variable) {
        const std::string_view text(*variable);
        if (std::ranges::any_of(kSettings, [&](auto name) { return text.starts_with(name); })) {
            return true;
        }
    }
    return false;
}

}  // namespace

void keep_freed_memory() {
    if (set_by_user()) return;
    // All from the heap, nothing from a mapping of its own.
    mallopt(M_MMAP_MAX, 0);  // NOLINT(concurrency-mt-unsafe): no allocation of ours is under way
    // NOLINTNEXTLINE(concurrency-mt-unsafe)
    mallopt(M_TRIM_THRESHOLD, std::numeric_limits<int>::max());
}

std::string_view freed_memory() {
    return set_by_user() ? "as the environment says" : "kept";
}

void return_freed_memory() {
    malloc_trim(0);
}

}  // namespace moe
