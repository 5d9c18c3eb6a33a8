// What control groups allow a process, read from folders that look like /proc and /sys.
#include "kernels/runtime/control_groups.hpp"

#include <gtest/gtest.h>
#include <unistd.h>

#include <cmath>
#include <fstream>
#include <string>

namespace moe {
namespace {

namespace fs = std::filesystem;

constexpr std::uint64_t kMiB = std::uint64_t{1} << 20U;

/// A root of its own for each test.
class ControlGroupsTest : public ::testing::Test {
protected:
    ControlGroupsTest() {
        std::string name = fs::temp_directory_path() / "moe_groups.XXXXXX";
        root_ = mkdtemp(name.data());
    }
    ~ControlGroupsTest() override { fs::remove_all(root_); }

    void write(const fs::path& file, const std::string& text) const {
        fs::create_directories((root_ / file).parent_path());
        std::ofstream(root_ / file) << text << '\n';
    }
    void mounted(const std::string& lines) const { write("proc/self/mountinfo", lines); }
    void member_of(const std::string& lines) const { write("proc/self/cgroup", lines); }
    [[nodiscard]] ControlGroups look() const { return ControlGroups(root_); }

    fs::path root_;
};

constexpr const char* kVersion2 =
    "24 1 0:22 / /proc rw - proc proc rw\n"
    "31 24 0:27 / /sys/fs/cgroup rw,nosuid shared:4 - cgroup2 cgroup2 rw,nsdelegate";
constexpr const char* kVersion1 =
    "32 31 0:29 / /sys/fs/cgroup/cpu,cpuacct rw,relatime shared:9 - cgroup cgroup rw,cpu,cpuacct\n"
    "33 31 0:30 / /sys/fs/cgroup/memory rw - cgroup cgroup rw,memory\n"
    "34 31 0:31 / /sys/fs/cgroup/unified rw - cgroup2 cgroup2 rw";

TEST_F(ControlGroupsTest, WithoutAnyNothingIsLimited) {
    EXPECT_TRUE(std::isinf(look().cpu_quota().cpus));
    EXPECT_EQ(look().cpu_quota().group, 0U);
    EXPECT_EQ(look().memory_left(), kNoMemoryLimit);
}

TEST_F(ControlGroupsTest, TheTightestOnTheWayUpCounts) {
    mounted(kVersion2);
    member_of("0::/slice/job/step");
    write("sys/fs/cgroup/slice/cpu.max", "50000 100000");
    write("sys/fs/cgroup/slice/job/cpu.max", "max 100000");
    write("sys/fs/cgroup/slice/job/step/cpu.max", "400000 100000");
    write("sys/fs/cgroup/slice/memory.max", std::to_string(512 * kMiB));
    write("sys/fs/cgroup/slice/memory.current", std::to_string(200 * kMiB));
    write("sys/fs/cgroup/slice/memory.stat",
          "anon 5\ninactive_file " + std::to_string(80 * kMiB) + "\nactive_file 7");
    write("sys/fs/cgroup/slice/job/step/memory.max", "max");
    EXPECT_EQ(look().cpu_quota().cpus, 0.5);
    EXPECT_EQ(look().memory_left(), (512 - 200 + 80) * kMiB);

    // Above it the kernel slows a process down until it is as good as stopped.
    write("sys/fs/cgroup/slice/memory.high", std::to_string(300 * kMiB));
    EXPECT_EQ(look().memory_left(), (300 - 200 + 80) * kMiB);
    write("sys/fs/cgroup/slice/memory.current", std::to_string(400 * kMiB));
    EXPECT_EQ(look().memory_left(), 0U);
}

TEST_F(ControlGroupsTest, TheRootOfAContainerMayHaveALimitToo) {
    mounted(kVersion2);
    member_of("0::/");
    write("sys/fs/cgroup/cpu.max", "150000 100000");
    EXPECT_EQ(look().cpu_quota().cpus, 1.5);
}

TEST_F(ControlGroupsTest, Version1HasAFolderForEachResource) {
    mounted(kVersion1);
    member_of("9:name=systemd:/\n4:memory:/jobs/7\n1:cpu,cpuacct:/jobs\n0::/");
    write("sys/fs/cgroup/cpu,cpuacct/cpu.cfs_quota_us", "-1");
    write("sys/fs/cgroup/cpu,cpuacct/cpu.cfs_period_us", "100000");
    write("sys/fs/cgroup/memory/memory.limit_in_bytes", "9223372036854771712");
    EXPECT_TRUE(std::isinf(look().cpu_quota().cpus));
    write("sys/fs/cgroup/cpu,cpuacct/jobs/cpu.cfs_quota_us", "50000");
    write("sys/fs/cgroup/cpu,cpuacct/jobs/cpu.cfs_period_us", "100000");
    EXPECT_EQ(look().cpu_quota().cpus, 0.5);

    write("sys/fs/cgroup/memory/jobs/memory.limit_in_bytes", std::to_string(512 * kMiB));
    write("sys/fs/cgroup/memory/jobs/memory.usage_in_bytes", std::to_string(100 * kMiB));
    write("sys/fs/cgroup/memory/jobs/memory.stat",
          "inactive_file 1\ntotal_inactive_file " + std::to_string(30 * kMiB));
    EXPECT_EQ(look().memory_left(), (512 - 100 + 30) * kMiB);
}

TEST_F(ControlGroupsTest, AContainerOfVersion1SeesItsOwnGroupMounted) {
    // The path is the machine's, and what is mounted is that group: /docker/abc lies at the point.
    mounted("32 31 0:29 /docker/abc /sys/fs/cgroup/cpu ro - cgroup cgroup rw,cpu");
    member_of("1:cpu:/docker/abc/inner");
    write("sys/fs/cgroup/cpu/cpu.cfs_quota_us", "250000");
    write("sys/fs/cgroup/cpu/cpu.cfs_period_us", "100000");
    EXPECT_EQ(look().cpu_quota().cpus, 2.5);
    write("sys/fs/cgroup/cpu/inner/cpu.cfs_quota_us", "100000");
    write("sys/fs/cgroup/cpu/inner/cpu.cfs_period_us", "100000");
    EXPECT_EQ(look().cpu_quota().cpus, 1);
    // A group that is not below what is mounted.
    member_of("1:cpu:/elsewhere");
    EXPECT_EQ(look().cpu_quota().cpus, 2.5);
}

TEST_F(ControlGroupsTest, ProcessesOfOneGroupShareItsQuota) {
    mounted(kVersion2);
    write("sys/fs/cgroup/a/cpu.max", "100000 100000");
    write("sys/fs/cgroup/b/cpu.max", "100000 100000");
    member_of("0::/a");
    const auto first = look().cpu_quota(), again = look().cpu_quota();
    member_of("0::/b");
    const auto other = look().cpu_quota();
    EXPECT_EQ(first.group, again.group);
    EXPECT_NE(first.group, other.group);
}

}  // namespace
}  // namespace moe
