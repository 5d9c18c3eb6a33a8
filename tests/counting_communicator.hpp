#pragma once

#include "comm/communicator.hpp"
#include "tests/counted_traffic.hpp"

#include <limits>
#include <memory>
#include <string>
#include <vector>

namespace moe {

/// A block of memory on each rank, of which only the caller's own is there.
class OwnBlock final : public PeerMemory {
public:
    OwnBlock(const Caller& caller, std::size_t bytes)
        : rank_(caller.rank),
          own_(bytes),
          blocks_(static_cast<std::size_t>(caller.size), own_.data()) {}

    [[nodiscard]] std::byte* data() const override { return blocks_.front(); }
    [[nodiscard]] std::size_t bytes() const override { return own_.size(); }
    [[nodiscard]] PeerTable table() const override {
        return {.data = blocks_, .flags = {}, .rank = rank_};
    }

private:
    int rank_;
    std::vector<std::byte> own_;
    std::vector<std::byte*> blocks_;
};

/// Peer kernels that count what they are asked for and do none of it.
class CountingPeerKernels final : public PeerKernels {
public:
    CountingPeerKernels(CountedTraffic& traffic, const Caller& caller)
        : traffic_(traffic), caller_(caller) {}

    [[nodiscard]] bool can_norm(OwnersPass /*pass*/, std::size_t /*row_bytes*/,
                                std::int64_t /*most_rows*/) const override {
        return true;  // and it is no part of any exchange
    }
    void barrier(const PeerTable& /*table*/, Stream& /*stream*/) override {
        traffic_.barrier(caller_.world_rank());
    }
    void pull_sum(const PeerTable& /*table*/, const OwnRows& to, Stream& /*stream*/) override {
        traffic_.pull_sum(caller_, static_cast<std::int64_t>(to.rows.bytes()));
    }
    void push_copy(const PeerTable& /*table*/, const OwnRows& from, Stream& /*stream*/) override {
        traffic_.push_copy(caller_, static_cast<std::int64_t>(from.rows.bytes()));
    }
    void push_sum(const PeerTable& /*inbox*/, const PushSum& sum, Stream& /*stream*/) override {
        for (const auto& piece : sum.plan.pieces()) traffic_.read_own(caller_, piece.bytes);
        traffic_.push(caller_, sum.plan.pieces(),
                      [](const PushPiece& piece) { return piece.bytes; });
    }
    /// Of rows that all ranks have entries for.
    void push_weighted_sum(const PeerTable& /*inbox*/, const PushWeightedSum& sum,
                           Stream& /*stream*/) override {
        const auto row_bytes = sum.out.row_bytes();
        traffic_.push(caller_, sum.plan.pieces(), [&](const PushPiece& piece) {
            return piece.bytes / PushWeightedSum::inbox_row_bytes(row_bytes) * row_bytes;
        });
    }
    /// Of rows that all ranks have one entry for.
    void pull_weighted_sum(const PeerTable& /*table*/, const PullWeightedSum& sum,
                           Stream& /*stream*/) override {
        traffic_.pull_weighted_sum(caller_, static_cast<std::int64_t>(sum.out.bytes()),
                                   sum.out.rows * static_cast<std::int64_t>(sum.dense.row_bytes()));
    }
    void all_reduce_push(const PushInbox& /*inbox*/, const Matrix& in, const Matrix& /*out*/,
                         Stream& /*stream*/) override {
        traffic_.all_reduce_push(caller_, static_cast<std::int64_t>(in.bytes()));
    }
    void all_reduce_one_shot(const PeerTable& /*in*/, const Matrix& out,
                             Stream& /*stream*/) override {
        traffic_.pull_sum(caller_, static_cast<std::int64_t>(out.bytes()));
    }
    void all_reduce_two_shot(const PeerTable& /*in*/, const PeerTable& /*parts*/, const Matrix& out,
                             Stream& /*stream*/) override {
        const auto part = two_shot_part_bytes(caller_.size, out.bytes());
        traffic_.all_reduce_two_shot(caller_, static_cast<std::int64_t>(out.bytes()),
                                     static_cast<std::int64_t>(part));
    }

private:
    CountedTraffic& traffic_;
    Caller caller_;
};

/// One rank's communicator without any other rank: it counts what it is asked for and does none of
/// it. Has everything that any backend has.
class CountingCommunicator final : public Communicator {
public:
    CountingCommunicator(CountedTraffic& traffic, const Caller& caller)
        : traffic_(traffic), caller_(caller), peer_kernels_(traffic, caller) {}

    [[nodiscard]] int rank() const override { return caller_.rank; }
    [[nodiscard]] int size() const override { return caller_.size; }
    [[nodiscard]] std::int64_t max_count() const override {
        return std::numeric_limits<std::int64_t>::max();
    }
    void all_reduce(const Matrix& in, const Matrix& /*out*/, Stream& /*stream*/) override {
        traffic_.all_reduce(caller_, bytes_of(in));
    }
    void reduce_scatter(const Matrix& /*in*/, const Matrix& out, Stream& /*stream*/) override {
        traffic_.reduce_scatter(caller_, equal_blocks(out));
    }
    void reduce_scatter_v(const Matrix& in, const RowPartition& owned, const Matrix& /*out*/,
                          Stream& /*stream*/) override {
        traffic_.reduce_scatter(caller_, blocks_of(in, owned));
    }
    [[nodiscard]] bool has_reduce_scatter_v() const override { return true; }
    void reduce(const Matrix& in, const Matrix& /*out*/, int root, Stream& /*stream*/) override {
        traffic_.reduce(caller_, root, bytes_of(in));
    }
    void all_gather(const Matrix& in, const Matrix& out, Stream& /*stream*/) override {
        const auto place = out.slice(caller_.rank * in.rows, in.rows);
        traffic_.all_gather(caller_, equal_blocks(in), in.data == place.data);
    }
    void all_gather_v(const Matrix& in, const RowPartition& owned, const Matrix& out,
                      Stream& /*stream*/) override {
        const auto place = out.slice(owned.first(caller_.rank), in.rows);
        traffic_.all_gather(caller_, blocks_of(out, owned), in.data == place.data);
    }
    void all_to_all_v(const Matrix& in, const RowPartition& owned, const Matrix& /*out*/,
                      Stream& /*stream*/) override {
        traffic_.all_to_all(caller_, blocks_of(in, owned));
    }
    void barrier(Stream& /*stream*/) override { traffic_.barrier(caller_.world_rank()); }
    [[nodiscard]] std::unique_ptr<Communicator> split(int /*color*/) override {
        raise(MOE_SITE("split"), "one rank alone knows no colors of others");
    }
    [[nodiscard]] std::string sms_obstacle(std::int64_t /*sms*/) const override {
        return "counting uses no multiprocessors";
    }
    [[nodiscard]] std::unique_ptr<Communicator> with_sms(std::int64_t sms) override {
        raise(MOE_SITE("with_sms"), sms_obstacle(sms));
    }
    [[nodiscard]] std::string peer_obstacle(Reach /*reach*/) const override { return {}; }
    [[nodiscard]] std::string no_peer_room(std::size_t /*bytes*/, Reach /*reach*/) override {
        return {};
    }
    [[nodiscard]] PeerKernels* peer_kernels() override { return &peer_kernels_; }

private:
    [[nodiscard]] std::unique_ptr<PeerMemory> allocate_peer_memory(std::size_t bytes,
                                                                   Reach /*reach*/) override {
        traffic_.allocate(caller_.world_rank(), bytes);
        return std::make_unique<OwnBlock>(caller_, bytes);
    }
    [[nodiscard]] static std::int64_t bytes_of(const Matrix& matrix) {
        return static_cast<std::int64_t>(matrix.bytes());
    }
    [[nodiscard]] std::vector<std::int64_t> equal_blocks(const Matrix& block) const {
        return std::vector(static_cast<std::size_t>(caller_.size), bytes_of(block));
    }
    [[nodiscard]] static std::vector<std::int64_t> blocks_of(const Matrix& all,
                                                             const RowPartition& owned) {
        std::vector<std::int64_t> blocks;
        for (int rank = 0; rank < owned.ranks(); ++rank) {
            blocks.push_back(bytes_of(all.slice(owned.first(rank), owned.rows(rank))));
        }
        return blocks;
    }
    void begin_group() override {}
    void end_group() override {}
    void abandon_group() noexcept override {}

    CountedTraffic& traffic_;
    Caller caller_;
    CountingPeerKernels peer_kernels_;
};

}  // namespace moe
