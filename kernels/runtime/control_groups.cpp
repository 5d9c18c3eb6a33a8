#include "kernels/runtime/control_groups.hpp"

#include <sys/stat.h>

#include <algorithm>
#include <charconv>
#include <fstream>
#include <functional>
#include <limits>
#include <optional>
#include <sstream>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

namespace moe {
namespace {

namespace fs = std::filesystem;

constexpr std::string_view kUnified{};  ///< in place of a controller's name: version 2

/// Whether a list with commas holds `word`.
bool lists(const std::string& list, std::string_view word) {
    std::istringstream words(list);
    for (std::string item; std::getline(words, item, ',');) {
        if (item == word) return true;
    }
    return false;
}

/// Where a hierarchy is mounted, and which of its groups lies there.
struct Mount {
    fs::path point, group;
};

/// Of the hierarchy with `controller`; nothing where it is not mounted. Fields of mountinfo:
/// "36 35 98:0 /group /point options [more]... - type source options".
std::optional<Mount> find_mount(const fs::path& root, std::string_view controller) {
    std::ifstream file(root / "proc/self/mountinfo");
    for (std::string line; std::getline(file, line);) {
        const auto middle = line.find(" - ");
        if (middle == std::string::npos) continue;
        std::istringstream before(line), after(line.substr(middle + 3));
        std::string skipped, group, point, type, source, options;
        before >> skipped >> skipped >> skipped >> group >> point;
        after >> type >> source >> options;
        const bool found = controller == kUnified ? type == "cgroup2"
                                                  : type == "cgroup" && lists(options, controller);
        if (found) return Mount{root / fs::path(point).relative_path(), group};
    }
    return std::nullopt;
}

/// The group of this process in the hierarchy with `controller`, "/a/b", from a line
/// "4:cpu,cpuacct:/a/b" (version 1) or "0::/a/b"; empty where it is in none.
fs::path find_group(const fs::path& root, std::string_view controller) {
    std::ifstream file(root / "proc/self/cgroup");
    for (std::string line; std::getline(file, line);) {
        const auto first = line.find(':');
        const auto second = line.find(':', first + 1);
        if (second == std::string::npos) continue;
        const auto controllers = line.substr(first + 1, second - first - 1);
        if (controller == kUnified ? controllers.empty() : lists(controllers, controller)) {
            return line.substr(second + 1);
        }
    }
    return {};
}

/// The folders from this process's group up to the root of what is mounted. A group outside of
/// that (a container sees the mount of its own group only) is taken for the one that is mounted.
std::vector<fs::path> groups(const fs::path& root, std::string_view controller) {
    const auto mount = find_mount(root, controller);
    if (!mount) return {};
    auto below = find_group(root, controller).lexically_relative(mount->group);
    if (below.empty() || *below.begin() == ".." || *below.begin() == ".") below.clear();
    std::vector<fs::path> found;
    for (; !below.empty(); below = below.parent_path()) found.push_back(mount->point / below);
    found.push_back(mount->point);
    return found;
}

std::string first_line(const fs::path& path) {
    std::string line;
    std::ifstream file(path);
    std::getline(file, line);
    return line;
}

/// "max", and what is no number, is no limit.
std::uint64_t read_limit(const fs::path& path) {
    const auto text = first_line(path);
    std::uint64_t value = 0;
    const auto [end, error] = std::from_chars(text.data(), text.data() + text.size(), value);
    return error == std::errc() && end == text.data() + text.size() ? value : kNoMemoryLimit;
}

/// A number of memory.stat; 0 without one.
std::uint64_t read_statistic(const fs::path& group, std::string_view key) {
    std::ifstream file(group / "memory.stat");
    std::string name;
    for (std::uint64_t value = 0; file >> name >> value;) {
        if (name == key) return value;
    }
    return 0;
}

/// Names of the files of one version.
struct MemoryFiles {
    const char *most, *high, *used, *cache;
};
constexpr MemoryFiles kMemory1{"memory.limit_in_bytes", nullptr, "memory.usage_in_bytes",
                               "total_inactive_file"};
constexpr MemoryFiles kMemory2{"memory.max", "memory.high", "memory.current", "inactive_file"};

std::uint64_t memory_left_in(const fs::path& group, const MemoryFiles& files) {
    auto limit = read_limit(group / files.most);
    if (files.high != nullptr) limit = std::min(limit, read_limit(group / files.high));
    if (limit == kNoMemoryLimit) return kNoMemoryLimit;
    auto used = read_limit(group / files.used);
    if (used == kNoMemoryLimit) return limit;
    used -= std::min(used, read_statistic(group, files.cache));
    return limit > used ? limit - used : 0;
}

/// A quota of -1 (version 1) or "max" is none.
double cpus_of(const std::string& quota_and_period) {
    std::istringstream text(quota_and_period);
    double quota = 0, period = 0;
    return text >> quota >> period && quota > 0 && period > 0
               ? quota / period
               : std::numeric_limits<double>::infinity();
}

double cpus_in_version_1(const fs::path& group) {
    return cpus_of(first_line(group / "cpu.cfs_quota_us") + ' ' +
                   first_line(group / "cpu.cfs_period_us"));
}

double cpus_in_version_2(const fs::path& group) {
    return cpus_of(first_line(group / "cpu.max"));
}

std::uint64_t identity(const fs::path& group) {
    struct stat status {};
    return stat(group.c_str(), &status) == 0 ? status.st_ino : 0;
}

}  // namespace

ControlGroups::ControlGroups(fs::path root) : root_(std::move(root)) {}

CpuQuota ControlGroups::cpu_quota() const {
    CpuQuota least{std::numeric_limits<double>::infinity()};
    const auto look = [&](std::string_view controller, double (*cpus_in)(const fs::path&)) {
        for (const auto& group : groups(root_, controller)) {
            const double cpus = cpus_in(group);
            if (cpus < least.cpus) least = {cpus, identity(group)};
        }
    };
    look(kUnified, cpus_in_version_2);
    look("cpu", cpus_in_version_1);
    return least;
}

std::uint64_t ControlGroups::memory_left() const {
    auto least = kNoMemoryLimit;
    const auto look = [&](std::string_view controller, const MemoryFiles& files) {
        for (const auto& group : groups(root_, controller)) {
            least = std::min(least, memory_left_in(group, files));
        }
    };
    look(kUnified, kMemory2);
    look("memory", kMemory1);
    return least;
}

}  // namespace moe
