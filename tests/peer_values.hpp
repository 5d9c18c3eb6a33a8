// Elements that ranks bring to a step of peer kernels, and what has to come of them.
#pragma once

#include "kernels/runtime/dtype.hpp"

#include <cstddef>
#include <cstdint>
#include <optional>
#include <span>

namespace moe {

/// Values of one step, each drawn by the step's seed, the replay, the rank and the element: mostly
/// small numbers of both signs, fractions among them, now and then -0, infinity, or no number, one
/// of them all ones. Bytes are those of whole, aligned elements.
class PeerValues {
public:
    PeerValues(DType dtype, std::uint64_t seed, std::uint64_t replay);

    /// Writes what a rank brings from element `first` on.
    void write(int rank, std::int64_t first, std::span<std::byte> to) const;
    /// Writes the sums over all of `ranks` ranks from element `first` on, added in f32 in the order
    /// of ranks and rounded once.
    void write_sums(int ranks, std::int64_t first, std::span<std::byte> to) const;

private:
    [[nodiscard]] std::uint32_t key(int rank) const;

    DType dtype_;
    std::uint32_t key_;
};

/// An element that is not what it should be.
struct Difference {
    std::size_t element;
    float is, want;
};

/// Finds the first difference of some elements, NaNs being the same (see same_values).
[[nodiscard]] std::optional<Difference> first_difference(DType dtype, std::span<const std::byte> is,
                                                         std::span<const std::byte> want);

}  // namespace moe
