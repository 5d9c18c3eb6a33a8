#pragma once

#include "comm/ring_traffic.hpp"
#include "kernels/runtime/push_plan.hpp"

#include <algorithm>
#include <cstddef>
#include <cstdint>
#include <span>
#include <vector>

namespace moe {

/// A rank that makes a collective call, among those that take part.
struct Caller {
    int first{};  ///< of those that take part, in the world
    int size{};   ///< how many take part
    int rank{};   ///< among them

    [[nodiscard]] int world_rank() const { return first + rank; }
    [[nodiscard]] bool is_before(int other) const { return (rank + 1) % size == other; }
    [[nodiscard]] bool is_after(int other) const { return (other + 1) % size == rank; }
};

/// What calls move, counted block by block and rank by rank of a world: the one place that says
/// what each primitive does, collectives by a ring. Sizes are in bytes; every call is one launch.
class CountedTraffic {
public:
    explicit CountedTraffic(int ranks) : costs_(static_cast<std::size_t>(ranks)) {}

    /// What a rank has in its calls so far.
    [[nodiscard]] const Cost& of(int rank) const { return costs_[static_cast<std::size_t>(rank)]; }
    void allocate(int rank, std::size_t bytes) { at(rank).workspace_bytes += bytes; }
    /// What is made for all runs is in none of them.
    void forget_all_but_workspace() {
        for (auto& cost : costs_) cost = {.workspace_bytes = cost.workspace_bytes};
    }

    // A rank alone.
    void copy(int rank, std::int64_t bytes) {
        launch(rank);
        touch(rank, 2 * bytes);
    }
    void fill(int rank, std::int64_t bytes) {
        launch(rank);
        touch(rank, bytes);
    }
    void sum(int rank, std::size_t operands, std::int64_t bytes) {
        launch(rank);
        touch(rank, (static_cast<std::int64_t>(operands) + 1) * bytes);
    }
    /// How much of the weighted rows is read is up to the router, and no part of what is declared.
    void weighted_sum(int rank) { launch(rank); }

    // Around the ring of those that take part; block r is rank r's.
    void all_reduce(const Caller& caller, std::int64_t bytes) {
        launch(caller.world_rank());
        for (int owner = 0; owner < caller.size; ++owner) {
            const auto block = bytes * (owner + 1) / caller.size - bytes * owner / caller.size;
            pass_sum(caller, owner, block);
            pass_block(caller, owner, block);
        }
    }
    void reduce_scatter(const Caller& caller, const std::vector<std::int64_t>& blocks) {
        launch(caller.world_rank());
        for (int owner = 0; owner < caller.size; ++owner) {
            pass_sum(caller, owner, blocks[static_cast<std::size_t>(owner)]);
        }
    }
    void reduce(const Caller& caller, int root, std::int64_t bytes) {
        launch(caller.world_rank());
        pass_sum(caller, root, bytes);
    }
    /// `in_place`: the rank's own block is where it belongs already.
    void all_gather(const Caller& caller, const std::vector<std::int64_t>& blocks, bool in_place) {
        launch(caller.world_rank());
        for (int owner = 0; owner < caller.size; ++owner) {
            pass_block(caller, owner, blocks[static_cast<std::size_t>(owner)]);
        }
        if (!in_place) {
            touch(caller.world_rank(), 2 * blocks[static_cast<std::size_t>(caller.rank)]);
        }
    }
    /// Block r goes to rank r, and blocks as long as the rank's own come from all others.
    void all_to_all(const Caller& caller, const std::vector<std::int64_t>& blocks) {
        launch(caller.world_rank());
        for (int other = 0; other < caller.size; ++other) {
            if (other == caller.rank) continue;
            send(caller.world_rank(), blocks[static_cast<std::size_t>(other)]);
            touch(caller.world_rank(), blocks[static_cast<std::size_t>(other)] +
                                           blocks[static_cast<std::size_t>(caller.rank)]);
        }
    }

    // Between peers: what a rank reads in another one's memory, that one's memory sends.
    void barrier(int rank) {
        launch(rank);
        ++at(rank).barriers;
    }
    void pull_sum(const Caller& caller, std::int64_t bytes) {
        launch(caller.world_rank());
        at(caller.world_rank()).barriers += 2;
        touch(caller.world_rank(), bytes);  // the sum
        for (int peer = 0; peer < caller.size; ++peer) {
            touch(caller.first + peer, bytes);
            if (peer != caller.rank) send(caller.first + peer, bytes);
        }
    }
    /// `read`: bytes of expert rows that each rank has for the caller's, which are read in its
    /// memory however they are combined.
    void pull_weighted_sum(const Caller& caller, std::int64_t bytes, std::int64_t read) {
        launch(caller.world_rank());
        at(caller.world_rank()).barriers += 2;
        touch(caller.world_rank(), bytes);
        for (int peer = 0; peer < caller.size; ++peer) {
            if (peer != caller.rank) send(caller.first + peer, read);
        }
    }
    void push_copy(const Caller& caller, std::int64_t bytes) {
        launch(caller.world_rank());
        at(caller.world_rank()).barriers += 2;
        touch(caller.world_rank(), bytes);  // read once, for all
        for (int peer = 0; peer < caller.size; ++peer) {
            touch(caller.first + peer, bytes);
            if (peer != caller.rank) send(caller.world_rank(), bytes);
        }
    }
    void read_own(const Caller& caller, std::size_t bytes) {
        touch(caller.world_rank(), static_cast<std::int64_t>(bytes));
    }
    /// Helpers get a rank's partial sums of their pieces, which they read, and write the sums where
    /// the owner has them, or where it reads them once more to do that itself.
    template <class BytesOf>
    void push(const Caller& caller, std::span<const PushPiece> pieces, BytesOf&& bytes_of) {
        const int rank = caller.world_rank();
        launch(rank);
        ++at(rank).barriers;
        if (std::ranges::any_of(pieces, &PushPiece::forwarded)) ++at(rank).barriers;
        for (const auto& piece : pieces) {
            const auto bytes = static_cast<std::int64_t>(bytes_of(piece));
            if (piece.helper != caller.rank) {
                touch(caller.first + piece.helper, 2 * bytes);
                send(rank, bytes);
                continue;
            }
            touch(caller.first + piece.owner, piece.forwarded() ? 3 * bytes : bytes);
            if (piece.forwarded()) send(rank, bytes);
        }
    }
    /// What others wrote for a rank is read by it.
    void all_reduce_push(const Caller& caller, std::int64_t bytes) {
        const int rank = caller.world_rank();
        launch(rank);
        ++at(rank).barriers;
        touch(rank, 2 * bytes);  // its own, and the sum
        for (int peer = 0; peer < caller.size; ++peer) {
            if (peer == caller.rank) continue;
            send(rank, bytes);
            touch(caller.first + peer, 2 * bytes);
        }
    }
    /// Each rank adds up a part of all ranks' matrices, and reads all ranks' sums.
    void all_reduce_two_shot(const Caller& caller, std::int64_t bytes, std::int64_t part) {
        const int rank = caller.world_rank();
        const auto part_of = [&](int owner) {
            return std::clamp<std::int64_t>(bytes - owner * part, 0, part);
        };
        launch(rank);
        at(rank).barriers += 2;
        touch(rank, part_of(caller.rank) + bytes);  // the sum of its part, and all sums
        for (int peer = 0; peer < caller.size; ++peer) {
            touch(caller.first + peer, part_of(caller.rank) + part_of(peer));
            if (peer != caller.rank)
                send(caller.first + peer, part_of(caller.rank) + part_of(peer));
        }
    }

private:
    /// The sum of a block goes once around, from the rank after its owner on, to its owner. What
    /// comes is written and read; the sum is written where it goes.
    void pass_sum(const Caller& caller, int owner, std::int64_t bytes) {
        const int rank = caller.world_rank();
        touch(rank, bytes);  // the rank's own
        if (!caller.is_after(owner)) touch(rank, 2 * bytes);
        if (caller.rank == owner) {
            touch(rank, bytes);
        } else {
            send(rank, bytes);
        }
    }
    /// A block goes once around, from its owner on, to the rank before that.
    void pass_block(const Caller& caller, int owner, std::int64_t bytes) {
        const int rank = caller.world_rank();
        if (caller.rank != owner) touch(rank, bytes);
        if (caller.is_before(owner)) return;
        touch(rank, bytes);
        send(rank, bytes);
    }

    Cost& at(int rank) { return costs_[static_cast<std::size_t>(rank)]; }
    void launch(int rank) { ++at(rank).launches; }
    void send(int rank, std::int64_t bytes) { at(rank).link_bytes += bytes; }
    /// Read or written.
    void touch(int rank, std::int64_t bytes) { at(rank).memory_bytes += bytes; }

    std::vector<Cost> costs_;
};

}  // namespace moe
