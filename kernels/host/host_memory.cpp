#include "kernels/host/host_memory.hpp"

#include <algorithm>
#include <cstdint>
#include <filesystem>
#include <fstream>
#include <limits>

namespace moe {
namespace {

namespace fs = std::filesystem;

constexpr std::uint64_t kNoLimit = std::numeric_limits<std::uint64_t>::max();

/// The number in a one-number file; no limit where it is absent or says "max".
std::uint64_t read_limit(const fs::path& path) {
    std::ifstream file(path);
    std::uint64_t value = 0;
    return file >> value ? value : kNoLimit;
}

/// The rest of the line of a /proc file that starts with `key`; empty without one.
std::string proc_field(const char* path, const std::string& key) {
    std::ifstream file(path);
    for (std::string line; std::getline(file, line);) {
        if (line.compare(0, key.size(), key) != 0) continue;
        const auto start = line.find_first_not_of(" \t:", key.size());
        return start == std::string::npos ? std::string() : line.substr(start);
    }
    return {};
}

/// What a control group may still use; the page cache that it would give back counts as free.
std::uint64_t group_memory_left(const fs::path& group) {
    const auto limit = read_limit(group / "memory.max");
    if (limit == kNoLimit) return kNoLimit;
    auto used = read_limit(group / "memory.current");
    if (used == kNoLimit) return limit;
    const auto cache = proc_field((group / "memory.stat").c_str(), "inactive_file");
    if (!cache.empty()) used -= std::min<std::uint64_t>(used, std::stoull(cache));
    return limit > used ? limit - used : 0;
}

}  // namespace

std::size_t host_memory_available() {
    std::uint64_t free = kNoLimit;
    const auto text = proc_field("/proc/meminfo", "MemAvailable");
    if (!text.empty()) free = std::stoull(text) * 1024;
    // "0::/a/b": every group from there up to the root may have a limit (cgroup v2).
    for (fs::path group = proc_field("/proc/self/cgroup", "0:"); group.has_relative_path();
         group = group.parent_path()) {
        free =
            std::min(free, group_memory_left(fs::path("/sys/fs/cgroup") / group.relative_path()));
    }
    // Inside a container its own group is the root that it sees.
    return std::min(free, group_memory_left("/sys/fs/cgroup"));
}

std::size_t host_cache_bytes() {
    // Not sysconf(_SC_LEVEL3_CACHE_SIZE): inside a virtual machine it was seen to add up the
    // host's.
    constexpr std::size_t kUnknown = std::size_t{32} << 20U;
    std::size_t largest = 0;
    for (int index = 0;; ++index) {
        std::ifstream file("/sys/devices/system/cpu/cpu0/cache/index" + std::to_string(index) +
                           "/size");
        std::size_t kibibytes = 0;
        if (!(file >> kibibytes)) break;  // "32768K"
        largest = std::max(largest, kibibytes << 10U);
    }
    return largest > 0 ? largest : kUnknown;
}

std::string host_cpu_name() {
    const auto name = proc_field("/proc/cpuinfo", "model name");
    return name.empty() ? "CPU" : name;
}

}  // namespace moe
