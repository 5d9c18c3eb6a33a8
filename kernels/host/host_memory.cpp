#include "kernels/host/host_memory.hpp"

#include "kernels/runtime/control_groups.hpp"
#include "kernels/runtime/heap.hpp"

#include <algorithm>
#include <cstdint>
#include <fstream>

namespace moe {
namespace {

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

}  // namespace

std::size_t host_memory_available() {
    return_freed_memory();
    const auto left = ControlGroups().memory_left();
    const auto text = proc_field("/proc/meminfo", "MemAvailable");
    return text.empty() ? left : std::min<std::uint64_t>(left, std::stoull(text) * 1024);
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
