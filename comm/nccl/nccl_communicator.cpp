#include "comm/nccl/nccl_communicator.hpp"

#include "comm/mpi/mpi.hpp"
#include "comm/nccl/device_barrier.hpp"
#include "comm/nccl/ipc_memory.hpp"
#include "kernels/cuda/cuda.hpp"
#include "kernels/cuda/peer_kernels.hpp"
#include "kernels/runtime/narrow.hpp"

#include <fmt/format.h>

#include <algorithm>
#include <cstdint>
#include <exception>
#include <limits>
#include <map>
#include <mutex>
#include <optional>
#include <set>
#include <vector>

namespace moe {
namespace {

std::size_t elements(const Matrix& matrix) {
    return static_cast<std::size_t>(matrix.elements());
}

/// The communicators that exist, under a lock: another thread asks for their errors.
class LiveComms {
public:
    void add(ncclComm_t comm) {
        const std::scoped_lock lock(mutex_);
        comms_.insert(comm);
    }
    void remove(ncclComm_t comm) {
        const std::scoped_lock lock(mutex_);
        comms_.erase(comm);
    }
    [[nodiscard]] std::string failure() {
        const std::scoped_lock lock(mutex_);
        for (auto* comm : comms_) {
            ncclResult_t status = ncclSuccess;
            const bool asked = ncclCommGetAsyncError(comm, &status) == ncclSuccess;
            if (asked && status != ncclSuccess && status != ncclInProgress) {
                return fmt::format("NCCL: {}", ncclGetErrorString(status));
            }
        }
        return {};
    }

private:
    std::mutex mutex_;
    std::set<ncclComm_t> comms_;
};

/// What communicators of one world have in common.
struct World {
    std::string no_symmetric_memory;
    int ranks_on_gpu{};
    double patience_seconds{};
    std::vector<nccl::CtaVariables> cta_variables;  ///< of each rank
    std::shared_ptr<LiveComms> live_comms = std::make_shared<LiveComms>();
    std::shared_ptr<cuda::PeerWatch> peer_watch;
};

/// One NCCL communicator, and the MPI one over the same ranks, for what they have to agree on.
class Handle {
public:
    Handle(ncclComm_t comm, MPI_Comm mpi, std::shared_ptr<const World> world, int sms)
        : comm_(comm),
          mpi_(mpi),
          world_(std::move(world)),
          sms_(sms),
          ipc_obstacle_(ipc_memory_obstacle(mpi)),
          peer_kernels_(cuda::make_peer_kernels(world_->peer_watch, waiting_blocks())) {
        world_->live_comms->add(comm_);
    }
    ~Handle() {
        world_->live_comms->remove(comm_);
        barrier_.reset();
        // Destroying waits for the other ranks, which do not know that this one failed.
        if (std::uncaught_exceptions() > 0) {
            ncclCommAbort(comm_);
        } else {
            ncclCommDestroy(comm_);
        }
    }
    Handle(const Handle&) = delete;
    Handle& operator=(const Handle&) = delete;

    [[nodiscard]] ncclComm_t comm() const { return comm_; }
    [[nodiscard]] MPI_Comm mpi() const { return mpi_.get(); }
    [[nodiscard]] const World& world() const { return *world_; }
    [[nodiscard]] const std::string& ipc_obstacle() const { return ipc_obstacle_; }
    [[nodiscard]] PeerKernels& peer_kernels() { return *peer_kernels_; }
    /// The first call is collective and makes it.
    void barrier(cudaStream_t stream) {
        if (!barrier_) barrier_.emplace(comm_, mpi(), world_->patience_seconds);
        barrier_->launch(stream);
    }
    /// Collective. Setting a communicator up takes NCCL up to seconds, so that the same split is
    /// made once.
    [[nodiscard]] std::shared_ptr<Handle> split(int color) {
        auto& part = parts_[mpi::all_gather(color, mpi())];
        if (!part) part = make_part(color, nullptr, sms_);  // with the settings of this one
        return part;
    }
    /// Collective. The same ranks with exactly so many CTAs for each collective.
    [[nodiscard]] std::shared_ptr<Handle> with_ctas(int ctas) {
        auto& tuned = tuned_[ctas];
        if (!tuned) {
            ncclConfig_t config = NCCL_CONFIG_INITIALIZER;
            config.minCTAs = ctas;
            config.maxCTAs = ctas;
            tuned = make_part(0, &config, ctas);
        }
        return tuned;
    }

private:
    /// Collective. With more blocks, those that wait for other ranks could cover a GPU before all
    /// ranks on it got their turn.
    [[nodiscard]] cuda::PeerBlocks waiting_blocks() const {
        int blocks = std::max(cuda::sm_count() / world_->ranks_on_gpu, 1);
        if (sms_ > 0) blocks = std::min(blocks, sms_);
        MOE_MPI(MPI_Allreduce(MPI_IN_PLACE, &blocks, 1, MPI_INT, MPI_MIN, mpi_.get()));
        return {.most = blocks, .may_queue = world_->ranks_on_gpu == 1 && sms_ == 0};
    }
    [[nodiscard]] std::shared_ptr<Handle> make_part(int color, ncclConfig_t* config, int sms) {
        const int rank = mpi::rank(mpi());
        ncclComm_t comm{};
        MOE_NCCL(ncclCommSplit(comm_, color, rank, &comm, config));
        MPI_Comm ranks = MPI_COMM_NULL;
        MOE_MPI(MPI_Comm_split(mpi(), color, rank, &ranks));
        return std::make_shared<Handle>(comm, ranks, world_, sms);
    }

    ncclComm_t comm_;
    mpi::UniqueComm mpi_;
    std::shared_ptr<const World> world_;
    int sms_;
    std::string ipc_obstacle_;
    std::unique_ptr<PeerKernels> peer_kernels_;
    std::optional<DeviceBarrier> barrier_;
    std::map<std::vector<int>, std::shared_ptr<Handle>> parts_;  ///< by all ranks' colors
    std::map<int, std::shared_ptr<Handle>> tuned_;               ///< by CTAs
};

/// A window: memory that NCCL knows on all ranks, of the same size on each.
class NcclWindow final : public PeerMemory {
public:
    NcclWindow(std::shared_ptr<Handle> handle, std::size_t bytes)
        : handle_(std::move(handle)), bytes_(bytes) {
        std::uint64_t largest = std::max<std::uint64_t>(bytes, 1);
        MOE_MPI(MPI_Allreduce(MPI_IN_PLACE, &largest, 1, MPI_UINT64_T, MPI_MAX, handle_->mpi()));
        void* raw{};
        int has_room = ncclMemAlloc(&raw, largest) == ncclSuccess ? 1 : 0;
        if (has_room == 1) data_.reset(raw);
        // Registering waits for all ranks, so that all have to know that one has no memory.
        MOE_MPI(MPI_Allreduce(MPI_IN_PLACE, &has_room, 1, MPI_INT, MPI_MIN, handle_->mpi()));
        if (has_room == 0) {
            throw OutOfMemory(fmt::format("no {} bytes of symmetric GPU memory left", largest));
        }
        cuda::clear_memory(raw, largest);
        MOE_NCCL(ncclCommWindowRegister(handle_->comm(), raw, largest, &window_,
                                        NCCL_WIN_COLL_SYMMETRIC));
    }
    ~NcclWindow() override {
        if (window_ != nullptr) ncclCommWindowDeregister(handle_->comm(), window_);
    }
    NcclWindow(const NcclWindow&) = delete;
    NcclWindow& operator=(const NcclWindow&) = delete;
    [[nodiscard]] std::byte* data() const override { return static_cast<std::byte*>(data_.get()); }
    [[nodiscard]] std::size_t bytes() const override { return bytes_; }

private:
    std::shared_ptr<Handle> handle_;
    std::size_t bytes_;
    struct Free {
        void operator()(void* data) const noexcept { ncclMemFree(data); }
    };
    std::unique_ptr<void, Free> data_;
    ncclWindow_t window_{};
};

class NcclCommunicator final : public Communicator {
public:
    explicit NcclCommunicator(std::shared_ptr<Handle> handle)
        : handle_(std::move(handle)),
          comm_(handle_->comm()),
          rank_(mpi::rank(handle_->mpi())),
          size_(mpi::size(handle_->mpi())) {}
    [[nodiscard]] int rank() const override { return rank_; }
    [[nodiscard]] int size() const override { return size_; }

    [[nodiscard]] std::int64_t max_count() const override {
        return std::numeric_limits<std::int64_t>::max();
    }
    void all_reduce(const Matrix& in, const Matrix& out, Stream& stream) override {
        MOE_NCCL(ncclAllReduce(in.data, out.data, elements(in), nccl::type_of(in.dtype), ncclSum,
                               comm_, cuda::native(stream)));
    }
    void reduce_scatter(const Matrix& in, const Matrix& out, Stream& stream) override {
        MOE_NCCL(ncclReduceScatter(in.data, out.data, elements(out), nccl::type_of(in.dtype),
                                   ncclSum, comm_, cuda::native(stream)));
    }
    void reduce_scatter_v(const Matrix& /*in*/, const RowPartition& /*owned*/,
                          const Matrix& /*out*/, Stream& /*stream*/) override {
        raise(MOE_SITE("reduce_scatter_v"), "NCCL has none, as has_reduce_scatter_v() says");
    }
    [[nodiscard]] bool has_reduce_scatter_v() const override { return false; }
    void reduce(const Matrix& in, const Matrix& out, int root, Stream& stream) override {
        MOE_NCCL(ncclReduce(in.data, out.data, elements(in), nccl::type_of(in.dtype), ncclSum, root,
                            comm_, cuda::native(stream)));
    }
    void all_gather(const Matrix& in, const Matrix& out, Stream& stream) override {
        MOE_NCCL(ncclAllGather(in.data, out.data, elements(in), nccl::type_of(in.dtype), comm_,
                               cuda::native(stream)));
    }
    void all_gather_v(const Matrix& in, const RowPartition& owned, const Matrix& out,
                      Stream& stream) override {
        // Grouped broadcasts, which NCCL 2.29.2 and later fuse into one kernel.
        nccl::Group group;
        for (int root = 0; root < size_; ++root) {
            const auto rows = out.slice(owned.first(root), owned.rows(root));
            if (rows.rows == 0) continue;
            MOE_NCCL(ncclBroadcast(in.data, rows.data, elements(rows), nccl::type_of(in.dtype),
                                   root, comm_, cuda::native(stream)));
        }
        group.close();
    }
    void all_to_all_v(const Matrix& in, const RowPartition& owned, const Matrix& out,
                      Stream& stream) override {
        const auto type = nccl::type_of(in.dtype);
        nccl::Group group;
        for (int peer = 0; peer < size_; ++peer) {
            if (peer == rank_) continue;
            const auto sent = in.slice(owned.first(peer), owned.rows(peer));
            const auto received = out.slice(peer * owned.rows(rank_), owned.rows(rank_));
            if (sent.rows > 0) {
                MOE_NCCL(
                    ncclSend(sent.data, elements(sent), type, peer, comm_, cuda::native(stream)));
            }
            if (received.rows > 0) {
                MOE_NCCL(ncclRecv(received.data, elements(received), type, peer, comm_,
                                  cuda::native(stream)));
            }
        }
        group.close();
    }
    void barrier(Stream& stream) override { handle_->barrier(cuda::native(stream)); }
    [[nodiscard]] std::unique_ptr<Communicator> split(int color) override {
        return std::make_unique<NcclCommunicator>(handle_->split(color));
    }
    [[nodiscard]] std::string sms_obstacle(std::int64_t sms) const override {
        return nccl::ctas_obstacle(sms, handle_->world().cta_variables);
    }
    [[nodiscard]] std::unique_ptr<Communicator> with_sms(std::int64_t sms) override {
        return std::make_unique<NcclCommunicator>(handle_->with_ctas(narrow<int>(sms)));
    }
    [[nodiscard]] std::string peer_obstacle(Reach reach) const override {
        if (reach == Reach::library) return handle_->world().no_symmetric_memory;
        return handle_->ipc_obstacle();
    }
    [[nodiscard]] std::string no_peer_room(std::size_t /*bytes*/, Reach /*reach*/) override {
        return {};  // the same memory as all else, which is looked at as a whole
    }
    [[nodiscard]] PeerKernels* peer_kernels() override { return &handle_->peer_kernels(); }

private:
    [[nodiscard]] std::unique_ptr<PeerMemory> allocate_peer_memory(std::size_t bytes,
                                                                   Reach reach) override {
        MOE_EXPECT(peer_obstacle(reach).empty(), "an obstacle was not heeded");
        if (reach == Reach::library) return std::make_unique<NcclWindow>(handle_, bytes);
        return make_ipc_memory(handle_->mpi(), bytes);
    }
    void begin_group() override { MOE_NCCL(ncclGroupStart()); }
    void end_group() override { MOE_NCCL(ncclGroupEnd()); }
    void abandon_group() noexcept override { ncclGroupEnd(); }

    std::shared_ptr<Handle> handle_;
    ncclComm_t comm_;
    int rank_;
    int size_;
};

}  // namespace

NcclWorld make_nccl_world(const NcclWorldOptions& options) {
    ncclUniqueId id{};
    if (mpi::rank(MPI_COMM_WORLD) == 0) MOE_NCCL(ncclGetUniqueId(&id));
    MOE_MPI(MPI_Bcast(&id, sizeof id, MPI_BYTE, 0, MPI_COMM_WORLD));
    ncclComm_t comm{};
    MOE_NCCL(ncclCommInitRank(&comm, mpi::size(MPI_COMM_WORLD), id, mpi::rank(MPI_COMM_WORLD)));
    auto world = std::make_shared<const World>(
        World{.no_symmetric_memory = options.no_symmetric_memory,
              .ranks_on_gpu = options.ranks_on_gpu,
              .patience_seconds = options.patience_seconds,
              // A launcher may have given other hosts' ranks other variables.
              .cta_variables = mpi::all_gather(nccl::cta_variables(), MPI_COMM_WORLD),
              .peer_watch = std::make_shared<cuda::PeerWatch>(options.patience_seconds)});
    auto handle = std::make_shared<Handle>(comm, mpi::duplicate(MPI_COMM_WORLD), world, 0);
    return {std::make_unique<NcclCommunicator>(std::move(handle)), [world] {
                auto failure = world->live_comms->failure();
                return failure.empty() ? world->peer_watch->failure() : failure;
            }};
}

}  // namespace moe
