#pragma once

#include "comm/communicator.hpp"
#include "comm/row_partition.hpp"

#include <cstdint>
#include <functional>
#include <span>

namespace moe {

/// Calls between two matrices of all rows: `in` holds every rank's block.
struct Call {
    std::function<void(const Matrix& in, const Matrix& out)> run;
    /// What calls read or write in place of those, where others reach it; without data: nothing.
    Matrix reads{}, writes{};
};

/// What calls are made with; everything outlives them.
struct CallSetup {
    Device& device;
    Communicator& world;
    Stream& stream;
    bool captured{};  ///< calls go into a graph
};

/// What ranks have afterwards: the sum of all rows, that of their own block, or all blocks.
enum class CollectiveKind : std::uint8_t { all_reduce, reduce_scatter, all_gather };

/// As many rows for every rank; the number of ranks divides that of rows.
[[nodiscard]] RowPartition even_owners(std::int64_t rows, int ranks);

/// A collective of the library, or one by kernels over peer memory.
struct Collective {
    const char* name;
    CollectiveKind kind;
    /// Collective. What makes the calls for matrices of this shape.
    Call (*prepare)(const CallSetup& setup, const Matrix& shape);
    bool peer{};  ///< by kernels over peer memory
    /// Whose rows are reduced, or gathered.
    RowPartition (*owners)(std::int64_t rows, int ranks) = even_owners;

    /// busbw over algbw, for n ranks; the matrix is what nccl-tests calls the size.
    [[nodiscard]] double bus_factor(double n) const {
        return (kind == CollectiveKind::all_reduce ? 2 : 1) * (n - 1) / n;
    }
};

[[nodiscard]] std::span<const Collective> collectives();

}  // namespace moe
