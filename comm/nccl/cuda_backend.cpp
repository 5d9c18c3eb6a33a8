// The CUDA backend: device memory, NCCL collectives, everything stream-ordered. It carries rows; it
// has no kernels for the layer.
#include "comm/backend.hpp"
#include "comm/mpi/mpi.hpp"
#include "kernels/cuda/cuda.hpp"
#include "kernels/cuda/layer_kernels.hpp"

#include <fmt/format.h>
#include <nccl.h>

#include <limits>

namespace moe {
namespace {

void check(ncclResult_t status, const char* file, int line, const char* expression) {
    if (status != ncclSuccess) raise({file, line, expression}, ncclGetErrorString(status));
}
#define MOE_NCCL(call) check((call), __FILE__, __LINE__, #call)

/// Closes the group even when a call inside it throws: an open group swallows every later call.
class [[nodiscard]] NcclGroup {
public:
    NcclGroup() { MOE_NCCL(ncclGroupStart()); }
    ~NcclGroup() {
        if (!closed_) ncclGroupEnd();
    }
    NcclGroup(const NcclGroup&) = delete;
    NcclGroup& operator=(const NcclGroup&) = delete;
    void close() {
        closed_ = true;
        MOE_NCCL(ncclGroupEnd());
    }

private:
    bool closed_{};
};

ncclDataType_t type_of(DType dtype) {
    switch (dtype) {
        case DType::f32:
            return ncclFloat32;
        case DType::bf16:
            return ncclBfloat16;
        case DType::f16:
            return ncclFloat16;
    }
    raise(MOE_SITE("dtype"), "NCCL has no such type");
}

std::size_t elements(const Matrix& matrix) {
    return static_cast<std::size_t>(matrix.elements());
}

struct CommDeleter {
    void operator()(ncclComm_t comm) const noexcept { ncclCommDestroy(comm); }
};

class NcclCommunicator final : public Communicator {
public:
    explicit NcclCommunicator(ncclComm_t comm) : comm_(comm) {
        MOE_NCCL(ncclCommUserRank(comm, &rank_));
        MOE_NCCL(ncclCommCount(comm, &size_));
    }
    [[nodiscard]] int rank() const override { return rank_; }
    [[nodiscard]] int size() const override { return size_; }

    [[nodiscard]] std::int64_t most_elements() const override {
        return std::numeric_limits<std::int64_t>::max();
    }
    void all_reduce(const Matrix& in, const Matrix& out, Stream& stream) override {
        MOE_NCCL(ncclAllReduce(in.data, out.data, elements(in), type_of(in.dtype), ncclSum,
                               comm_.get(), cuda::native(stream)));
    }
    void reduce_scatter(const Matrix& in, const Matrix& out, Stream& stream) override {
        MOE_NCCL(ncclReduceScatter(in.data, out.data, elements(out), type_of(in.dtype), ncclSum,
                                   comm_.get(), cuda::native(stream)));
    }
    void reduce_scatter_v(const Matrix& /*in*/, const RowPartition& /*owned*/,
                          const Matrix& /*out*/, Stream& /*stream*/) override {
        raise(MOE_SITE("reduce_scatter_v"), "NCCL has none, as has_reduce_scatter_v() says");
    }
    [[nodiscard]] bool has_reduce_scatter_v() const override { return false; }
    void reduce(const Matrix& in, const Matrix& out, int root, Stream& stream) override {
        MOE_NCCL(ncclReduce(in.data, out.data, elements(in), type_of(in.dtype), ncclSum, root,
                            comm_.get(), cuda::native(stream)));
    }
    void all_gather(const Matrix& in, const Matrix& out, Stream& stream) override {
        MOE_NCCL(ncclAllGather(in.data, out.data, elements(in), type_of(in.dtype), comm_.get(),
                               cuda::native(stream)));
    }
    void all_gather_v(const Matrix& in, const RowPartition& owned, const Matrix& out,
                      Stream& stream) override {
        // Grouped broadcasts, which NCCL 2.29.2 and later fuse into one kernel.
        NcclGroup group;
        for (int root = 0; root < size_; ++root) {
            const auto rows = out.slice(owned.first(root), owned.rows(root));
            if (rows.rows == 0) continue;
            MOE_NCCL(ncclBroadcast(in.data, rows.data, elements(rows), type_of(in.dtype), root,
                                   comm_.get(), cuda::native(stream)));
        }
        group.close();
    }
    void all_to_all_v(const Matrix& in, const RowPartition& owned, const Matrix& out,
                      Stream& stream) override {
        NcclGroup group;
        for (int peer = 0; peer < size_; ++peer) {
            if (peer == rank_) continue;
            const auto sent = in.slice(owned.first(peer), owned.rows(peer));
            const auto received = out.slice(peer * owned.rows(rank_), owned.rows(rank_));
            if (sent.rows > 0) {
                MOE_NCCL(ncclSend(sent.data, elements(sent), type_of(in.dtype), peer, comm_.get(),
                                  cuda::native(stream)));
            }
            if (received.rows > 0) {
                MOE_NCCL(ncclRecv(received.data, elements(received), type_of(in.dtype), peer,
                                  comm_.get(), cuda::native(stream)));
            }
        }
        group.close();
    }
    void group(const std::function<void()>& body) override {
        NcclGroup open;
        body();
        open.close();
    }
    [[nodiscard]] std::unique_ptr<Communicator> split(int color) override {
        ncclComm_t part{};
        MOE_NCCL(ncclCommSplit(comm_.get(), color, rank_, &part, nullptr));
        return std::make_unique<NcclCommunicator>(part);
    }

private:
    std::unique_ptr<ncclComm, CommDeleter> comm_;
    int rank_{};
    int size_{};
};

int local_rank() {
    MPI_Comm host = MPI_COMM_NULL;
    MOE_MPI(MPI_Comm_split_type(MPI_COMM_WORLD, MPI_COMM_TYPE_SHARED, 0, MPI_INFO_NULL, &host));
    return mpi::rank(mpi::UniqueComm(host).get());
}

/// This rank's GPU by its place on the host. All ranks hear of one that has none: they would wait
/// for it in NCCL's set-up.
std::unique_ptr<Device> open_device(int place) {
    std::unique_ptr<Device> device;
    std::string why = "another rank has no GPU";
    try {
        device = cuda::make_device(place % cuda::count_devices());
    } catch (const Error& error) {
        why = error.what();
    }
    int missing = device ? 0 : 1;
    MOE_MPI(MPI_Allreduce(MPI_IN_PLACE, &missing, 1, MPI_INT, MPI_SUM, MPI_COMM_WORLD));
    if (missing > 0) throw BadArgument(why);
    return device;
}

std::string library_version() {
    int version = 0;
    MOE_NCCL(ncclGetVersion(&version));
    return fmt::format("NCCL {}.{}.{}", version / 10000, version / 100 % 100, version % 100);
}

}  // namespace

Backend open_cuda_backend() {
    auto device = open_device(local_rank());
    ncclUniqueId id{};
    if (mpi::rank(MPI_COMM_WORLD) == 0) MOE_NCCL(ncclGetUniqueId(&id));
    MOE_MPI(MPI_Bcast(&id, sizeof id, MPI_BYTE, 0, MPI_COMM_WORLD));
    ncclComm_t world{};
    MOE_NCCL(ncclCommInitRank(&world, mpi::size(MPI_COMM_WORLD), id, mpi::rank(MPI_COMM_WORLD)));
    return {"cuda", std::move(device), std::make_unique<NcclCommunicator>(world),
            make_cuda_layer_kernels_factory(), library_version()};
}

}  // namespace moe
