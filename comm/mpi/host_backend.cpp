// The host backend: host memory, MPI collectives, everything finished when the call returns.
#include "comm/backend.hpp"
#include "comm/machine.hpp"
#include "comm/mpi/mpi.hpp"
#include "comm/mpi/mpi_control.hpp"
#include "comm/mpi/sum.hpp"
#include "kernels/host/host_device.hpp"
#include "kernels/host/host_layer_kernels.hpp"
#include "kernels/runtime/narrow.hpp"

#include <fmt/format.h>

#include <array>
#include <string>
#include <utility>
#include <vector>

namespace moe {
namespace {

int elements(const Matrix& matrix) {
    return narrow<int>(matrix.elements());
}

/// Counts and displacements of a partition in elements, as MPI's v-collectives want them.
struct Counts {
    Counts(const RowPartition& owned, std::int64_t cols) {
        for (int rank = 0; rank < owned.ranks(); ++rank) {
            count.push_back(narrow<int>(owned.rows(rank) * cols));
            first.push_back(narrow<int>(owned.first(rank) * cols));
        }
    }
    std::vector<int> count;
    std::vector<int> first;
};

class MpiCommunicator final : public Communicator {
public:
    explicit MpiCommunicator(MPI_Comm comm)
        : comm_(comm), rank_(mpi::rank(comm)), size_(mpi::size(comm)) {}

    [[nodiscard]] int rank() const override { return rank_; }
    [[nodiscard]] int size() const override { return size_; }

    [[nodiscard]] std::int64_t most_elements() const override {
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
        const Counts counts(owned, in.cols);
        MOE_MPI(MPI_Reduce_scatter(in.data, out.data, counts.count.data(), type, op, comm_.get()));
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
        const Counts counts(owned, in.cols);
        MOE_MPI(MPI_Allgatherv(in.data, elements(in), type, out.data, counts.count.data(),
                               counts.first.data(), type, comm_.get()));
    }
    void all_to_all_v(const Matrix& in, const RowPartition& owned, const Matrix& out,
                      Stream& /*stream*/) override {
        const MPI_Datatype type = mpi::sum_of(in.dtype).type;
        const int own = narrow<int>(owned.rows(rank_) * in.cols);
        Counts sent(owned, in.cols);
        Counts received(
            RowPartition(std::vector(static_cast<std::size_t>(size_), owned.rows(rank_))), in.cols);
        const auto me = static_cast<std::size_t>(rank_);
        sent.count[me] = 0;
        received.count[me] = 0;
        MOE_EXPECT(out.elements() == std::int64_t{own} * size_, "not a block for each rank");
        MOE_MPI(MPI_Alltoallv(in.data, sent.count.data(), sent.first.data(), type, out.data,
                              received.count.data(), received.first.data(), type, comm_.get()));
    }
    void group(const std::function<void()>& body) override {
        grouping_ = true;
        body();
        grouping_ = false;
        const int count = narrow<int>(pending_.size());
        MOE_MPI(MPI_Waitall(count, pending_.data(), MPI_STATUSES_IGNORE));
        pending_.clear();
    }
    [[nodiscard]] std::unique_ptr<Communicator> split(int color) override {
        MPI_Comm part = MPI_COMM_NULL;
        MOE_MPI(MPI_Comm_split(comm_.get(), color, rank_, &part));
        return std::make_unique<MpiCommunicator>(part);
    }

private:
    mpi::UniqueComm comm_;
    int rank_;
    int size_;
    std::vector<MPI_Request> pending_;
    bool grouping_{};
};

std::string library_version() {
    std::array<char, MPI_MAX_LIBRARY_VERSION_STRING> text{};
    int length = 0;
    MOE_MPI(MPI_Get_library_version(text.data(), &length));
    return text.data();  // `length` counts Open MPI's final zero as well
}

}  // namespace

std::string host_backend_missing() {
    return {};
}

Backend open_host_backend(const BackendOptions& /*options*/) {
    const auto machine = discover_machine(*make_mpi_control());
    std::vector<std::string> warnings;
    if (machine.oversubscribed()) {
        warnings.push_back(
            fmt::format("{} ranks share {} cores: results are checked, but times say nothing about "
                        "speed (functional)",
                        machine.ranks_on_host, machine.cores_on_host));
    }
    return {.name = "host",
            .device = make_host_device(),
            .world = std::make_unique<MpiCommunicator>(mpi::duplicate(MPI_COMM_WORLD)),
            .layer_kernels = make_host_layer_kernels_factory(),
            .libraries = library_version(),
            .placement = place_on_cores(machine),
            .gpus = false,
            .failure = {},
            .warnings = std::move(warnings)};
}

}  // namespace moe
