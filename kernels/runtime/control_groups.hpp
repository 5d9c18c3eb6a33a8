#pragma once

#include <cstdint>
#include <filesystem>

namespace moe {

/// Bytes that a process may still take, where nothing limits it.
constexpr std::uint64_t kNoMemoryLimit = ~std::uint64_t{0};

/// The processors' worth of time that a control group may use, and which group that is.
struct CpuQuota {
    double cpus;            ///< infinite where nothing limits it
    std::uint64_t group{};  ///< the same for all processes of a machine whose quota it is; 0: none
};

/// What the control groups of this process allow it: the tightest limit on the way from its own
/// group up to the root of what it sees, in version 1 and in version 2 (both may be mounted, each
/// for other resources). Inside a container its own group may be all that it sees.
class ControlGroups {
public:
    /// `root` is the folder that holds proc and sys: another one for tests.
    explicit ControlGroups(std::filesystem::path root = "/");
    /// cpu.max, cpu.cfs_quota_us.
    [[nodiscard]] CpuQuota cpu_quota() const;
    /// memory.max and memory.high, memory.limit_in_bytes; the page cache that the group would give
    /// back counts as free.
    [[nodiscard]] std::uint64_t memory_left() const;

private:
    std::filesystem::path root_;
};

}  // namespace moe
