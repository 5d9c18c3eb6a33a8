#pragma once

#include <cstddef>
#include <utility>

namespace moe {

/// How often operator new is called on a thread while this lives there. Only in programs that are
/// linked with counting_new.cpp, which replaces it.
class [[nodiscard]] CountAllocations {
public:
    CountAllocations();
    ~CountAllocations();
    CountAllocations(const CountAllocations&) = delete;
    CountAllocations& operator=(const CountAllocations&) = delete;
    [[nodiscard]] std::size_t count() const;
};

template <class Call>
[[nodiscard]] std::size_t allocations_of(Call&& call) {
    const CountAllocations allocations;
    std::forward<Call>(call)();
    return allocations.count();
}

}  // namespace moe
