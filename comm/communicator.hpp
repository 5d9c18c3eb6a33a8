#pragma once

#include "comm/row_partition.hpp"
#include "kernels/runtime/device.hpp"

#include <cstdint>
#include <functional>
#include <memory>
#include <string>

namespace moe {

/// Memory of the same size on every rank of a communicator, which its collectives reach directly.
/// Made and freed by all ranks alike.
class SymmetricMemory {
public:
    virtual ~SymmetricMemory() = default;
    [[nodiscard]] virtual std::byte* data() const = 0;
    [[nodiscard]] virtual std::size_t bytes() const = 0;
};

/// A group of ranks that reduce and exchange matrices of one width and type. Reductions are sums.
/// Everything is stream-ordered, and all ranks must call in the same order. `in` and `out` do not
/// overlap unless a call says that they may.
class Communicator {
public:
    virtual ~Communicator() = default;
    [[nodiscard]] virtual int rank() const = 0;
    [[nodiscard]] virtual int size() const = 0;
    /// Elements that one call can exchange: MPI counts and places them in 32 bits.
    [[nodiscard]] virtual std::int64_t most_elements() const = 0;

    /// Both [rows, cols]; out.data == in.data reduces in place.
    virtual void all_reduce(const Matrix& in, const Matrix& out, Stream& stream) = 0;
    /// in holds size() blocks shaped like out; rank r keeps the sum of block r.
    virtual void reduce_scatter(const Matrix& in, const Matrix& out, Stream& stream) = 0;
    /// in [owned.total(), cols]; rank r keeps the sum of its rows(r) rows. See
    /// has_reduce_scatter_v().
    virtual void reduce_scatter_v(const Matrix& in, const RowPartition& owned, const Matrix& out,
                                  Stream& stream) = 0;
    /// Whether the library has an uneven reduce_scatter of its own: MPI does, NCCL does not.
    [[nodiscard]] virtual bool has_reduce_scatter_v() const = 0;
    /// Both [rows, cols]; `out` is written on `root` only and may be empty elsewhere.
    virtual void reduce(const Matrix& in, const Matrix& out, int root, Stream& stream) = 0;
    /// out holds size() blocks shaped like in; `in` may be this rank's own block of `out`.
    virtual void all_gather(const Matrix& in, const Matrix& out, Stream& stream) = 0;
    /// in [owned.rows(rank()), cols], out [owned.total(), cols].
    virtual void all_gather_v(const Matrix& in, const RowPartition& owned, const Matrix& out,
                              Stream& stream) = 0;
    /// in [owned.total(), cols]: rank q is sent its rows of it. out holds size() blocks of this
    /// rank's rows: block r is what rank r sent. This rank's own block, which is in `in` already,
    /// is not written.
    virtual void all_to_all_v(const Matrix& in, const RowPartition& owned, const Matrix& out,
                              Stream& stream) = 0;
    /// Operations issued inside `body` may run together; all are complete in stream order after it.
    virtual void group(const std::function<void()>& body) = 0;
    /// Collective. Ranks of one color form a communicator, ordered by their rank here.
    [[nodiscard]] virtual std::unique_ptr<Communicator> split(int color) = 0;

    /// Why there is no symmetric memory; empty where there is.
    [[nodiscard]] virtual std::string symmetric_obstacle() const {
        return "no symmetric memory: only NCCL has it";
    }
    /// Collective. Only without an obstacle; at least one byte.
    [[nodiscard]] virtual std::unique_ptr<SymmetricMemory> make_symmetric(std::size_t bytes);
};

/// Why a strategy that exchanges `rows` rows of `cols` elements in one call cannot; empty when it
/// can.
[[nodiscard]] std::string exchange_obstacle(const Communicator& world, std::int64_t rows,
                                            std::int64_t cols);

}  // namespace moe
