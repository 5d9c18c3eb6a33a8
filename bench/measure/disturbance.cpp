#include "bench/measure/disturbance.hpp"

#include "kernels/runtime/clock.hpp"

#include <sched.h>
#include <unistd.h>

#include <algorithm>
#include <fstream>
#include <limits>
#include <sstream>
#include <string>
#include <utility>

namespace moe {
namespace {

namespace fs = std::filesystem;

/// Mean steal time, in seconds, of the processors that this thread may run on: what other virtual
/// machines took. 0 where the kernel does not count it. A line of /proc/stat: "cpu3 user nice
/// system idle iowait irq softirq steal guest guest_nice", in ticks.
double stolen_seconds(const fs::path& proc) {
    cpu_set_t allowed;
    CPU_ZERO(&allowed);
    if (sched_getaffinity(0, sizeof allowed, &allowed) != 0) return 0;
    std::ifstream file(proc / "stat");
    double ticks = 0;
    int cpus = 0;
    for (std::string line; std::getline(file, line) && line.starts_with("cpu");) {
        std::istringstream words(line.substr(3));
        int cpu = 0;
        double skipped = 0, steal = 0;
        if (line[3] == ' ' || !(words >> cpu)) continue;
        for (int i = 0; i < 7; ++i) words >> skipped;
        if (cpu >= CPU_SETSIZE || !CPU_ISSET(cpu, &allowed) || !(words >> steal)) continue;
        ticks += steal;
        ++cpus;
    }
    return cpus == 0 ? 0 : ticks / cpus / static_cast<double>(sysconf(_SC_CLK_TCK));
}

}  // namespace

Disturbance::Disturbance(fs::path proc) : proc_(std::move(proc)), start_(read()) {}

std::optional<Disturbance::Reading> Disturbance::read() const {
    // "run_time run_delay timeslices", in nanoseconds.
    std::ifstream file(proc_ / "thread-self/schedstat");
    double ran = 0, waited = 0;
    if (!(file >> ran >> waited)) return std::nullopt;
    return Reading{steady_seconds(), waited * 1e-9, stolen_seconds(proc_)};
}

std::optional<double> Disturbance::share() const {
    const auto now = read();
    if (!start_ || !now || now->at <= start_->at) return std::nullopt;
    const double lost = now->waited - start_->waited + now->stolen - start_->stolen;
    return std::clamp(lost / (now->at - start_->at), 0.0, 1.0);
}

}  // namespace moe
