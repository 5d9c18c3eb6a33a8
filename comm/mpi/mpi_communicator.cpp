#include "comm/mpi/mpi_communicator.hpp"

#include "comm/mpi/mpi.hpp"
#include "comm/mpi/shared_window.hpp"
#include "comm/mpi/sum.hpp"
#include "kernels/host/peer_kernels.hpp"
#include "kernels/runtime/narrow.hpp"

#include <sched.h>

#include <chrono>
#include <limits>
#include <string>
#include <vector>

namespace moe {
namespace {

/// How long a group that failed waits for what it has issued.
constexpr std::chrono::seconds kPatience{1};

int elements(const Matrix& matrix) {
    return narrow<int>(matrix.elements());
}

/// Counts and displacements of a partition in elements, as MPI's v-collectives want them. Kept from
/// call to call, since a timed call must not allocate.
class Counts {
public:
    void set(const RowPartition& owned, std::int64_t cols) {
        begin();
        for (int rank = 0; rank < owned.ranks(); ++rank) {
            add(owned.rows(rank) * cols, owned.first(rank) * cols);
        }
    }
    /// A block of `elements` from each rank.
    void set_blocks(int ranks, std::int64_t elements) {
        begin();
        for (int rank = 0; rank < ranks; ++rank) add(elements, rank * elements);
    }
    void leave_out(int rank) { count_[static_cast<std::size_t>(rank)] = 0; }
    [[nodiscard]] const int* count() const { return count_.data(); }
    [[nodiscard]] const int* first() const { return first_.data(); }

private:
    void begin() {
        count_.clear();
        first_.clear();
    }
    void add(std::int64_t count, std::int64_t first) {
        count_.push_back(narrow<int>(count));
        first_.push_back(narrow<int>(first));
    }
    std::vector<int> count_, first_;
};

class MpiCommunicator final : public Communicator {
public:
    MpiCommunicator(MPI_Comm comm, IdleCore idle_core)
        : comm_(comm),
          idle_core_(idle_core),
          rank_(mpi::rank(comm)),
          size_(mpi::size(comm)),
          peer_obstacle_(shared_window_obstacle(comm)),
          peer_kernels_(make_host_peer_kernels([this] { make_progress(); })) {}

    [[nodiscard]] int rank() const override { return rank_; }
    [[nodiscard]] int size() const override { return size_; }

    [[nodiscard]] std::int64_t max_count() const override {
        return std::numeric_limits<std::int32_t>::max();
    }
    void all_reduce(const Matrix& in, const Matrix& out, Stream& /*stream*/) override {
        const auto [type, op] = mpi::sum_of(in.dtype);
        const void* from = in.data == out.data ? MPI_IN_PLACE : in.data;
        MOE_MPI(MPI_Allreduce(from, out.data, elements(in), type, op, comm_.get()));
    }
    void reduce_scatter(const Matrix& in, const Matrix& out, Stream& /*stream*/) override {
        const auto [type, op] = mpi::sum_of(in.dtype);
        MOE_MPI(MPI_Reduce_scatter_block(in.data, out.data, elements(out), type, op, comm_.get()));
    }
    void reduce_scatter_v(const Matrix& in, const RowPartition& owned, const Matrix& out,
                          Stream& /*stream*/) override {
        const auto [type, op] = mpi::sum_of(in.dtype);
        received_.set(owned, in.cols);
        MOE_MPI(MPI_Reduce_scatter(in.data, out.data, received_.count(), type, op, comm_.get()));
    }
    [[nodiscard]] bool has_reduce_scatter_v() const override { return true; }
    void reduce(const Matrix& in, const Matrix& out, int root, Stream& /*stream*/) override {
        const auto [type, op] = mpi::sum_of(in.dtype);
        if (!grouping_) {
            MOE_MPI(MPI_Reduce(in.data, out.data, elements(in), type, op, root, comm_.get()));
            return;
        }
        MPI_Request request = MPI_REQUEST_NULL;
        MOE_MPI(
            MPI_Ireduce(in.data, out.data, elements(in), type, op, root, comm_.get(), &request));
        pending_.push_back(request);
    }
    void all_gather(const Matrix& in, const Matrix& out, Stream& /*stream*/) override {
        const MPI_Datatype type = mpi::sum_of(in.dtype).type;
        const auto* own_block = out.slice(rank_ * in.rows, in.rows).data;
        const void* from = in.data == own_block ? MPI_IN_PLACE : in.data;
        MOE_MPI(MPI_Allgather(from, elements(in), type, out.data, elements(in), type, comm_.get()));
    }
    void all_gather_v(const Matrix& in, const RowPartition& owned, const Matrix& out,
                      Stream& /*stream*/) override {
        const MPI_Datatype type = mpi::sum_of(in.dtype).type;
        received_.set(owned, in.cols);
        MOE_MPI(MPI_Allgatherv(in.data, elements(in), type, out.data, received_.count(),
                               received_.first(), type, comm_.get()));
    }
    void all_to_all_v(const Matrix& in, const RowPartition& owned, const Matrix& out,
                      Stream& /*stream*/) override {
        const MPI_Datatype type = mpi::sum_of(in.dtype).type;
        const auto block = owned.rows(rank_) * in.cols;
        MOE_EXPECT(out.elements() == block * size_, "not a block for each rank");
        sent_.set(owned, in.cols);
        received_.set_blocks(size_, block);
        sent_.leave_out(rank_);
        received_.leave_out(rank_);
        MOE_MPI(MPI_Alltoallv(in.data, sent_.count(), sent_.first(), type, out.data,
                              received_.count(), received_.first(), type, comm_.get()));
    }
    void barrier(Stream& /*stream*/) override { MOE_MPI(MPI_Barrier(comm_.get())); }
    [[nodiscard]] std::unique_ptr<Communicator> split(int color) override {
        MPI_Comm part = MPI_COMM_NULL;
        MOE_MPI(MPI_Comm_split(comm_.get(), color, rank_, &part));
        return make_mpi_communicator(part, idle_core_);
    }
    [[nodiscard]] std::string sms_obstacle(std::int64_t /*sms*/) const override {
        return "MPI between cores uses no multiprocessors";
    }
    [[nodiscard]] std::unique_ptr<Communicator> with_sms(std::int64_t sms) override {
        raise(MOE_SITE("with_sms"), sms_obstacle(sms));
    }
    [[nodiscard]] std::string peer_obstacle(Reach reach) const override {
        if (reach == Reach::library) return "no symmetric memory: only NCCL has it";
        return peer_obstacle_;
    }
    [[nodiscard]] std::string no_peer_room(std::size_t bytes, Reach /*reach*/) override {
        return no_shared_room(comm_.get(), bytes);
    }
    [[nodiscard]] PeerKernels* peer_kernels() override { return peer_kernels_.get(); }

private:
    [[nodiscard]] std::unique_ptr<PeerMemory> allocate_peer_memory(std::size_t bytes,
                                                                   Reach reach) override {
        MOE_EXPECT(peer_obstacle(reach).empty(), "an obstacle was not heeded");
        return make_shared_window(comm_.get(), bytes);
    }
    void begin_group() override { grouping_ = true; }
    void end_group() override {
        grouping_ = false;
        const int count = narrow<int>(pending_.size());
        MOE_MPI(MPI_Waitall(count, pending_.data(), MPI_STATUSES_IGNORE));
        pending_.clear();
    }
    /// What was issued writes to memory that may go next. It is complete soon where all ranks have
    /// issued as much; where one has failed or died it never is, and the cause is to be told.
    void abandon_group() noexcept override {
        grouping_ = false;
        const auto end = std::chrono::steady_clock::now() + kPatience;
        const int count = static_cast<int>(pending_.size());
        for (int done = 0; done == 0 && std::chrono::steady_clock::now() < end; sched_yield()) {
            const int status = MPI_Testall(count, pending_.data(), &done, MPI_STATUSES_IGNORE);
            if (status != MPI_SUCCESS) break;
        }
        pending_.clear();
    }
    /// While this rank waits for another one without MPI, that one may wait for fragments of a
    /// message that this rank has not moved on yet; or for its core.
    void make_progress() const {
        int here = 0;
        MOE_MPI(MPI_Iprobe(MPI_ANY_SOURCE, MPI_ANY_TAG, comm_.get(), &here, MPI_STATUS_IGNORE));
        if (idle_core_ == IdleCore::yield) sched_yield();
    }

    mpi::UniqueComm comm_;
    IdleCore idle_core_;
    int rank_;
    int size_;
    std::vector<MPI_Request> pending_;
    bool grouping_{};
    Counts sent_, received_;
    std::string peer_obstacle_;
    std::unique_ptr<PeerKernels> peer_kernels_;
};

}  // namespace

std::unique_ptr<Communicator> make_mpi_communicator(MPI_Comm comm, IdleCore idle_core) {
    return std::make_unique<MpiCommunicator>(comm, idle_core);
}

}  // namespace moe
