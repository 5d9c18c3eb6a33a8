#include "comm/mpi/shared_window.hpp"

#include "comm/mpi/mpi.hpp"
#include "kernels/runtime/narrow.hpp"

#include <fmt/format.h>
#include <sys/statvfs.h>
#include <unistd.h>

#include <algorithm>
#include <cstdint>
#include <limits>
#include <vector>

namespace moe {
namespace {

/// Of a cache line, so that a rank that waits for one flag does not slow down who writes another.
constexpr std::size_t kLine = 64;
/// Where Linux keeps memory that processes share.
constexpr const char* kSharedFolder = "/dev/shm";
/// What the library may fill there on behalf of a rank: a file of Open MPI's for messages, which is
/// as large as this and sparse. A rank that finds no room for a page is killed.
constexpr std::uint64_t kLibraryBytes = std::uint64_t{4} << 20U;
/// One part in so many of a window must be free beside it: Open MPI makes none that fits tightly,
/// on its first rank, while the others wait for it.
constexpr std::uint64_t kOfWindow = 20;

std::size_t round_up(std::size_t bytes) {
    return (bytes + kLine - 1) / kLine * kLine;
}

/// Each rank's part is a line of flags, then its block; one line more, since MPI promises no
/// alignment.
std::size_t part_bytes(std::size_t bytes) {
    return 2 * kLine + round_up(std::max<std::size_t>(bytes, 1));
}

std::byte* aligned(void* raw) {
    const auto address = reinterpret_cast<std::uintptr_t>(raw);
    return static_cast<std::byte*>(raw) + (round_up(address) - address);
}

class SharedWindow final : public PeerMemory {
public:
    SharedWindow(MPI_Comm comm, std::size_t bytes) : bytes_(bytes), rank_(mpi::rank(comm)) {
        MPI_Info info = MPI_INFO_NULL;
        MOE_MPI(MPI_Info_create(&info));
        // Each rank's part begins on a page of its own, and lies in memory near the rank.
        MOE_MPI(MPI_Info_set(info, "alloc_shared_noncontig", "true"));
        void* own = nullptr;
        const auto part = narrow<MPI_Aint>(part_bytes(bytes));
        MOE_MPI(MPI_Win_allocate_shared(part, 1, info, comm, static_cast<void*>(&own), &window_));
        MOE_MPI(MPI_Info_free(&info));
        for (int rank = 0; rank < mpi::size(comm); ++rank) {
            MPI_Aint size = 0;
            int unit = 0;
            void* base = nullptr;
            MOE_MPI(MPI_Win_shared_query(window_, rank, &size, &unit, static_cast<void*>(&base)));
            auto* start = aligned(base);
            flags_.push_back(reinterpret_cast<std::uint32_t*>(start));
            blocks_.push_back(start + kLine);
        }
        std::fill_n(static_cast<std::byte*>(own), part_bytes(bytes), std::byte{0});
        MOE_MPI(MPI_Barrier(comm));  // no flag is looked at before all are zero
    }
    ~SharedWindow() override { MPI_Win_free(&window_); }
    SharedWindow(const SharedWindow&) = delete;
    SharedWindow& operator=(const SharedWindow&) = delete;

    [[nodiscard]] std::byte* data() const override {
        return blocks_[static_cast<std::size_t>(rank_)];
    }
    [[nodiscard]] std::size_t bytes() const override { return bytes_; }
    [[nodiscard]] PeerTable table() const override {
        return {.data = blocks_, .flags = flags_, .rank = rank_};
    }

private:
    std::size_t bytes_;
    int rank_;
    MPI_Win window_{MPI_WIN_NULL};
    std::vector<std::byte*> blocks_;
    std::vector<std::uint32_t*> flags_;
};

/// Bytes that the shared folder has free; all there are where it cannot be asked.
std::uint64_t shared_bytes_free() {
    struct statvfs file_system {};
    if (statvfs(kSharedFolder, &file_system) != 0) return std::numeric_limits<std::uint64_t>::max();
    return std::uint64_t{file_system.f_bavail} * file_system.f_frsize;
}

}  // namespace

std::string shared_window_obstacle(MPI_Comm comm) {
    MPI_Comm raw = MPI_COMM_NULL;
    MOE_MPI(MPI_Comm_split_type(comm, MPI_COMM_TYPE_SHARED, 0, MPI_INFO_NULL, &raw));
    const mpi::UniqueComm host(raw);
    if (mpi::size(host.get()) < mpi::size(comm)) {
        return "ranks on several hosts cannot map each other's memory";
    }
    // Open MPI knows who made a memory by its process id, and maps nothing for the one that did.
    auto ids = mpi::all_gather(getpid(), comm);
    std::ranges::sort(ids);
    if (std::ranges::adjacent_find(ids) == ids.end()) return {};
    return "ranks in PID namespaces of their own have the same process id, for which MPI takes "
           "them "
           "for one process";
}

std::string no_shared_room(MPI_Comm comm, std::size_t bytes) {
    std::uint64_t needed = part_bytes(bytes);
    std::uint64_t free = shared_bytes_free();
    MOE_MPI(MPI_Allreduce(MPI_IN_PLACE, &needed, 1, MPI_UINT64_T, MPI_SUM, comm));
    MOE_MPI(MPI_Allreduce(MPI_IN_PLACE, &free, 1, MPI_UINT64_T, MPI_MIN, comm));
    const auto beside =
        static_cast<std::uint64_t>(mpi::size(comm)) * kLibraryBytes + needed / kOfWindow;
    if (needed <= free && beside <= free - needed) return {};
    const auto mebi = [](std::uint64_t count) { return static_cast<double>(count) / (1U << 20U); };
    return fmt::format(
        "{} has {:.1f} MiB free; ranks want to share {:.1f} MiB there, beside {:.1f} MiB that the "
        "MPI library may fill",
        kSharedFolder, mebi(free), mebi(needed), mebi(beside));
}

std::unique_ptr<PeerMemory> make_shared_window(MPI_Comm comm, std::size_t bytes) {
    const auto no_room = no_shared_room(comm, bytes);
    if (!no_room.empty()) throw OutOfMemory(no_room);
    return std::make_unique<SharedWindow>(comm, bytes);
}

}  // namespace moe
