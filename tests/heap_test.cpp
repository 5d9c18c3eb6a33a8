// What happens to memory that was freed: kept without new pages, and given back when asked for.
#include "kernels/runtime/heap.hpp"

#include <gtest/gtest.h>
#include <sys/resource.h>
#include <unistd.h>

#include <algorithm>
#include <cstddef>
#include <fstream>
#include <vector>

namespace moe {
namespace {

/// Far beyond what the C library maps by itself, and not a power of two.
constexpr std::size_t kBytes = std::size_t{3} << 25U;

/// Pages that are new to this process, while scratch memory is taken, written and freed.
long faults_of_scratch() {
    const auto faults = [] {
        struct rusage usage {};
        getrusage(RUSAGE_SELF, &usage);
        return usage.ru_minflt;
    };
    const long before = faults();
    std::vector<std::byte> scratch(kBytes, std::byte{1});
    EXPECT_EQ(std::count(scratch.begin(), scratch.end(), std::byte{1}),
              static_cast<std::ptrdiff_t>(kBytes));
    scratch = {};
    return faults() - before;
}

std::size_t resident_bytes() {
    std::ifstream file("/proc/self/statm");
    std::size_t size = 0, resident = 0;
    file >> size >> resident;
    return resident * static_cast<std::size_t>(sysconf(_SC_PAGESIZE));
}

TEST(Heap, FreedMemoryIsUsedAgainWithoutNewPages) {
    if (freed_memory() != "kept") GTEST_SKIP() << freed_memory();
    EXPECT_GT(faults_of_scratch(), 0) << "nothing was taken";
    for (int i = 0; i < 3; ++i) EXPECT_LT(faults_of_scratch(), 16);
}

TEST(Heap, GivesBackWhatItKept) {
    if (freed_memory() != "kept") GTEST_SKIP() << freed_memory();
    static_cast<void>(faults_of_scratch());
    const auto kept = resident_bytes();
    return_freed_memory();
    EXPECT_LT(resident_bytes() + kBytes / 2, kept);
}

}  // namespace
}  // namespace moe
