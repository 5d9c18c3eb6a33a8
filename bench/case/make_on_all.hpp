#pragma once

#include "comm/bootstrap.hpp"
#include "kernels/runtime/error.hpp"

#include <new>
#include <optional>
#include <string>
#include <utility>

namespace moe {

/// Collective. What `make` returns, on every rank or on none: OutOfMemory on all of them where one
/// has no room for it. What the others made is unwound by that; peer memory is freed when whoever
/// catches it calls Communicator::free_unwound_memory(). For every step that one rank may lack the
/// memory for, so that it is missing in no collective that follows.
template <class Make>
[[nodiscard]] auto make_on_all(Bootstrap& bootstrap, Make&& make) {
    std::optional<decltype(make())> made;
    std::string why;
    try {
        made.emplace(std::forward<Make>(make)());
    } catch (const OutOfMemory& error) {
        why = error.what();
    } catch (const std::bad_alloc&) {
        why = "none left on the host";
    }
    why = bootstrap.first_nonempty(why);
    if (!why.empty()) throw OutOfMemory(why);
    return *std::move(made);
}

}  // namespace moe
