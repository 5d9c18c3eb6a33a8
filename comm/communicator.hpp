#pragma once

#include "comm/peer_memory.hpp"
#include "comm/row_partition.hpp"
#include "kernels/runtime/device.hpp"

#include <cstdint>
#include <memory>
#include <string>

namespace moe {

/// A group of ranks that reduce and exchange matrices of one width and type. Reductions are sums.
/// Everything is stream-ordered, and all ranks must call in the same order. `in` and `out` do not
/// overlap unless a call says that they may.
class Communicator {
public:
    virtual ~Communicator() = default;
    [[nodiscard]] virtual int rank() const = 0;
    [[nodiscard]] virtual int size() const = 0;
    /// Elements that one call can exchange: MPI counts and places them in 32 bits.
    [[nodiscard]] virtual std::int64_t max_count() const = 0;

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
    /// What is enqueued after it begins when all ranks have come, on all of them at nearly one
    /// moment. Can be captured, but for the first call.
    virtual void barrier(Stream& stream) = 0;
    /// Collective. Ranks of one color form a communicator, ordered by their rank here.
    [[nodiscard]] virtual std::unique_ptr<Communicator> split(int color) = 0;

    /// Why its collectives cannot use exactly so many multiprocessors, above 0; empty where they
    /// can.
    [[nodiscard]] virtual std::string sms_obstacle(std::int64_t sms) const = 0;
    /// Collective, without an obstacle. The same ranks, and its collectives use so many.
    [[nodiscard]] virtual std::unique_ptr<Communicator> with_sms(std::int64_t sms) = 0;

    /// Why ranks cannot reach each other's memory so far; the same on all ranks, empty where they
    /// can.
    [[nodiscard]] virtual std::string peer_obstacle(Reach reach) const = 0;
    /// Collective. Why there is no room for a block of `bytes` of such memory on this rank and what
    /// the others ask for; empty where there is. The same on all ranks.
    [[nodiscard]] virtual std::string no_peer_room(std::size_t bytes, Reach reach) = 0;
    /// Collective, without an obstacle. `bytes` may differ by rank. OutOfMemory on all ranks where
    /// one has no room.
    [[nodiscard]] UniquePeerMemory make_peer_memory(std::size_t bytes, Reach reach) {
        return peer_memory_.own(allocate_peer_memory(bytes, reach));
    }
    /// Collective, after an exception that all ranks have caught: frees the peer memory that it
    /// unwound.
    void free_unwound_memory() { peer_memory_.free_unwound(); }
    /// What works on memory of Reach::load_store; null where there is none.
    [[nodiscard]] virtual PeerKernels* peer_kernels() { return nullptr; }

private:
    friend class CommGroup;
    /// Collective. As make_peer_memory() says.
    [[nodiscard]] virtual std::unique_ptr<PeerMemory> allocate_peer_memory(std::size_t bytes,
                                                                           Reach reach) = 0;
    virtual void begin_group() = 0;
    virtual void end_group() = 0;
    /// Ends a group after a failure: what was issued has no result.
    virtual void abandon_group() noexcept = 0;

    PeerMemoryOwner peer_memory_;
};

/// Operations issued on one communicator while it lives may run together; after close() all are
/// complete in stream order.
class [[nodiscard]] CommGroup {
public:
    explicit CommGroup(Communicator& communicator);
    ~CommGroup();
    CommGroup(const CommGroup&) = delete;
    CommGroup& operator=(const CommGroup&) = delete;
    void close();

private:
    Communicator* communicator_;  ///< null once closed
};

/// Why a strategy that exchanges `rows` rows of `cols` elements in one call cannot; empty when it
/// can.
[[nodiscard]] std::string exchange_obstacle(const Communicator& world, std::int64_t rows,
                                            std::int64_t cols);

}  // namespace moe
