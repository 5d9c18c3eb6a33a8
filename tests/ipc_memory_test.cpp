// GPU memory that ranks map by CUDA's handles, where a call fails on one rank: all ranks hear of
// it, nothing stays mapped or allocated, and the next launch is not blamed.
#include "comm/nccl/ipc_memory.hpp"
#include "kernels/cuda/cuda.hpp"
#include "tests/faults/fake_ipc.hpp"

#include <gtest/gtest.h>

#include <cstddef>
#include <cstring>

namespace moe {

// What the memory asks the device for.
namespace cuda {
void check(cudaError_t status, const char* file, int line, const char* expression) {
    if (status != cudaSuccess) raise({file, line, expression}, "a call failed");
}
void clear_memory(void* data, std::size_t bytes) {
    std::memset(data, 0, bytes);
}
}  // namespace cuda

namespace {

class IpcMemory : public testing::Test {
protected:
    void SetUp() override { fake_ipc::state = {}; }

    static bool is_last() { return mpi::rank(MPI_COMM_WORLD) == mpi::size(MPI_COMM_WORLD) - 1; }
    static void expect_nothing_left() {
        EXPECT_EQ(fake_ipc::state.allocations, 0);
        EXPECT_EQ(fake_ipc::state.mappings, 0);
        EXPECT_EQ(fake_ipc::state.last_error, cudaSuccess);
    }
};

TEST_F(IpcMemory, LeavesNothingFromCaseToCase) {
    EXPECT_EQ(ipc_memory_obstacle(MPI_COMM_WORLD), "");
    for (int time = 0; time < 3; ++time) {
        const auto memory = make_ipc_memory(MPI_COMM_WORLD, 100);
        EXPECT_EQ(fake_ipc::state.mappings, mpi::size(MPI_COMM_WORLD) - 1);
        EXPECT_EQ(memory->table().ranks(), mpi::size(MPI_COMM_WORLD));
    }
    expect_nothing_left();
}

TEST_F(IpcMemory, IsGivenBackByAllRanksAfterAnExceptionThatAllHaveCaught) {
    PeerMemoryOwner owner;
    try {
        const auto memory = owner.own(make_ipc_memory(MPI_COMM_WORLD, 100));
        throw OutOfMemory("none for what comes next");
    } catch (const OutOfMemory&) {
        EXPECT_GT(fake_ipc::state.allocations, 0);
    }
    owner.free_unwound();
    expect_nothing_left();
}

TEST_F(IpcMemory, HasAnObstacleWhereOneRankHasNoHandle) {
    if (is_last()) fake_ipc::state.get_handle = cudaErrorNotSupported;
    EXPECT_NE(ipc_memory_obstacle(MPI_COMM_WORLD), "");
    expect_nothing_left();
}

TEST_F(IpcMemory, HasAnObstacleWhereOneRankCannotMap) {
    if (is_last()) fake_ipc::state.open = cudaErrorMapBufferObjectFailed;
    // A rank alone maps nobody's.
    EXPECT_EQ(ipc_memory_obstacle(MPI_COMM_WORLD).empty(), mpi::size(MPI_COMM_WORLD) == 1);
    expect_nothing_left();
}

TEST_F(IpcMemory, IsOutOfMemoryOnAllRanksWhereOneHasNoRoom) {
    if (is_last()) fake_ipc::state.allocate = cudaErrorMemoryAllocation;
    EXPECT_NE(ipc_memory_obstacle(MPI_COMM_WORLD), "");
    EXPECT_THROW(static_cast<void>(make_ipc_memory(MPI_COMM_WORLD, 100)), OutOfMemory);
    expect_nothing_left();
}

}  // namespace
}  // namespace moe
