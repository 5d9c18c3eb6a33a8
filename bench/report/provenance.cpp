#include "bench/report/provenance.hpp"

#include "kernels/runtime/heap.hpp"
#include "revision.hpp"

#include <fmt/chrono.h>
#include <fmt/format.h>
#include <sys/utsname.h>
#include <unistd.h>
#include <nlohmann/json.hpp>

#include <algorithm>
#include <array>
#include <chrono>
#include <fstream>
#include <set>

namespace moe {
namespace {

using nlohmann::json;

constexpr std::array<std::string_view, 7> kAllowedPrefixes{
    "NCCL_", "OMPI_MCA_", "UCX_", "OMP_", "CUDA_MPS_", "MALLOC_", "GLIBC_TUNABLES"};

json allowed_environment() {
    json variables = json::object();
    for (char** entry = environ; *entry != nullptr; ++entry) {
        const std::string_view text(*entry);
        const auto equals = text.find('=');
        const auto name = text.substr(0, equals);
        const bool allowed =
            std::any_of(kAllowedPrefixes.begin(), kAllowedPrefixes.end(),
                        [&](auto prefix) { return name.substr(0, prefix.size()) == prefix; });
        // Open MPI's launcher puts folders and addresses of its own under its prefix.
        const bool internal =
            name.substr(0, 14) == "OMPI_MCA_orte_" || name.substr(0, 14) == "OMPI_MCA_pmix_" ||
            name.substr(0, 13) == "OMPI_MCA_ess_" || name.substr(0, 21) == "OMPI_MCA_initial_wdir";
        if (allowed && !internal && equals != std::string_view::npos) {
            variables[std::string(name)] = text.substr(equals + 1);
        }
    }
    return variables;
}

/// Current clock of every core in MHz, as the system reports it; empty where it does not.
std::vector<double> core_clocks() {
    std::ifstream info("/proc/cpuinfo");
    std::vector<double> clocks;
    for (std::string line; std::getline(info, line);) {
        if (line.compare(0, 7, "cpu MHz") != 0) continue;
        clocks.push_back(std::stod(line.substr(line.find(':') + 1)));
    }
    return clocks;
}

std::string kernel_version() {
    utsname name{};
    return uname(&name) == 0 ? fmt::format("{} {}", name.sysname, name.release) : "unknown";
}

/// Null where the run sets no variables of an engine.
json engine_env(const std::optional<EngineEnv>& env) {
    if (!env) return nullptr;
    return {{"engine", env->engine}, {"set", env->set}, {"kept", env->kept}};
}

std::string first_line(const std::string& text) {
    return text.substr(0, text.find('\n'));
}

}  // namespace

std::string utc_timestamp() {
    return fmt::format(
        "{:%Y%m%dT%H%M%SZ}",
        fmt::gmtime(std::chrono::system_clock::to_time_t(std::chrono::system_clock::now())));
}

std::string make_run_id(const std::string& timestamp, const std::string& host) {
    return fmt::format("{}-{}-{}", timestamp, host, getpid());
}

json make_provenance(const ProvenanceParts& p) {
    const auto& timer = p.timeline.timer();
    const auto& names = p.bootstrap.host_names();
    const std::set<std::string> hosts(names.begin(), names.end());
    return {
        {"command_line", p.options.command_line},
        {"settings", p.options.settings},
        {"steps_hash", p.options.steps_hash},  // empty: no file of steps
        {"steps_grouping", p.steps},           // null: no steps
        {"launch", p.options.launch},
        {"launches", p.options.launches},
        {"started", utc_timestamp()},
        {"git_revision", revision::kCommit},
        {"git_dirty", revision::kDirty},
        {"compiler", revision::kCompiler},
        {"compiler_flags", revision::kFlags},
        {"backend", p.backend.name},
        {"device", p.backend.device->name()},
        {"library", first_line(p.backend.libraries)},
        {"library_built_against", p.backend.built_against},
        {"kernel", kernel_version()},
        {"host_names", hosts},
        {"hosts", p.machine.hosts},
        {"ranks", p.backend.world->size()},
        {"ranks_on_host", p.machine.ranks_on_host},
        {"cores_on_host", p.machine.cores_on_host},
        {"cpu_quota", p.machine.cpu_quota},  // null: none
        {"oversubscribed", p.machine.oversubscribed()},
        {"cache_bytes", p.backend.device->cache_bytes()},
        {"core_clocks_mhz", core_clocks()},
        {"timer_overhead_ns", timer.overhead * 1e9},
        {"timer_resolution_ns", timer.resolution * 1e9},
        {"clock_residual_us", p.timeline.residual() * 1e6},
        {"agreement_us", p.timeline.agreement_seconds() * 1e6},
        {"auto_table", p.auto_table},  // null: no strategy chooses by one
        {"barrier_us", p.calibration.barrier_seconds() * 1e6},
        {"freed_memory", freed_memory()},
        {"engine_env", engine_env(p.engine_env)},
        {"environment", allowed_environment()},
    };
}

}  // namespace moe
