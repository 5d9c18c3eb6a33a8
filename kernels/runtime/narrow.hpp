#pragma once

#include "kernels/runtime/error.hpp"

#include <fmt/format.h>

#include <utility>

namespace moe {

/// The value as another integer type, or an Error: MPI and BLAS count in int, matrices do not.
template <class To, class From>
[[nodiscard]] To narrow(From value) {
    MOE_EXPECT(std::in_range<To>(value),
               fmt::format("{} does not fit in {} bytes", value, sizeof(To)));
    return static_cast<To>(value);
}

}  // namespace moe
