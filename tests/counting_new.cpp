// Every form of operator new, counted. All of them are here, since a sanitizer's own forms would
// not go together with these.
#include "tests/counting_new.hpp"

#include <cstdlib>
#include <new>

namespace moe {
namespace {

thread_local std::size_t allocations = 0;
thread_local bool counting = false;

void* allocate(std::size_t bytes, std::align_val_t alignment = {}) noexcept {
    if (counting) ++allocations;
    const auto unit = static_cast<std::size_t>(alignment);
    if (unit == 0) return std::malloc(bytes == 0 ? 1 : bytes);
    return std::aligned_alloc(unit, (bytes / unit + 1) * unit);
}

void* not_null(void* data) {
    if (data == nullptr) throw std::bad_alloc();
    return data;
}

}  // namespace

CountAllocations::CountAllocations() {
    allocations = 0;
    counting = true;
}

CountAllocations::~CountAllocations() {
    counting = false;
}

// A member, since it means nothing once the object is gone.
// NOLINTNEXTLINE(readability-convert-member-functions-to-static)
std::size_t CountAllocations::count() const {
    return allocations;
}

}  // namespace moe

using Align = std::align_val_t;
using NoThrow = std::nothrow_t;

void* operator new(std::size_t bytes) {
    return moe::not_null(moe::allocate(bytes));
}
void* operator new[](std::size_t bytes) {
    return moe::not_null(moe::allocate(bytes));
}
void* operator new(std::size_t bytes, Align alignment) {
    return moe::not_null(moe::allocate(bytes, alignment));
}
void* operator new[](std::size_t bytes, Align alignment) {
    return moe::not_null(moe::allocate(bytes, alignment));
}
void* operator new(std::size_t bytes, const NoThrow& /*tag*/) noexcept {
    return moe::allocate(bytes);
}
void* operator new[](std::size_t bytes, const NoThrow& /*tag*/) noexcept {
    return moe::allocate(bytes);
}
void* operator new(std::size_t bytes, Align alignment, const NoThrow& /*tag*/) noexcept {
    return moe::allocate(bytes, alignment);
}
void* operator new[](std::size_t bytes, Align alignment, const NoThrow& /*tag*/) noexcept {
    return moe::allocate(bytes, alignment);
}

void operator delete(void* data) noexcept {
    std::free(data);
}
void operator delete[](void* data) noexcept {
    std::free(data);
}
void operator delete(void* data, std::size_t /*bytes*/) noexcept {
    std::free(data);
}
void operator delete[](void* data, std::size_t /*bytes*/) noexcept {
    std::free(data);
}
void operator delete(void* data, Align /*alignment*/) noexcept {
    std::free(data);
}
void operator delete[](void* data, Align /*alignment*/) noexcept {
    std::free(data);
}
void operator delete(void* data, std::size_t /*bytes*/, Align /*alignment*/) noexcept {
    std::free(data);
}
void operator delete[](void* data, std::size_t /*bytes*/, Align /*alignment*/) noexcept {
    std::free(data);
}
void operator delete(void* data, const NoThrow& /*tag*/) noexcept {
    std::free(data);
}
void operator delete[](void* data, const NoThrow& /*tag*/) noexcept {
    std::free(data);
}
void operator delete(void* data, Align /*alignment*/, const NoThrow& /*tag*/) noexcept {
    std::free(data);
}
void operator delete[](void* data, Align /*alignment*/, const NoThrow& /*tag*/) noexcept {
    std::free(data);
}
