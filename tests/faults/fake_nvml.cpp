// libnvidia-ml.so.1 of a machine with one GPU: 100 processes compute on it by themselves and 2
// through MPS, the last of a PID namespace of its own.
#include <cstring>
#include <string_view>

extern "C" {

struct Process {
    unsigned pid;
    unsigned long long bytes;
    unsigned gpu_instance, compute_instance;
};

// NOLINTBEGIN(readability-identifier-naming): NVML's own names.
int nvmlInit_v2() {
    return 0;
}

int nvmlDeviceGetHandleByPciBusId_v2(const char* bus, void** device) {
    *device = nullptr;
    return std::string_view(bus) == "0000:1B:00.0" ? 0 : 6;
}

int nvmlDeviceGetClockInfo(void* /*device*/, int /*which*/, unsigned* /*mhz*/) {
    return 3;
}

int nvmlDeviceGetCurrentClocksThrottleReasons(void* /*device*/, unsigned long long* /*bits*/) {
    return 3;
}

int nvmlDeviceGetNvLinkState(void* /*device*/, unsigned /*link*/, unsigned* /*active*/) {
    return 3;
}

int nvmlDeviceGetComputeRunningProcesses_v3(void* /*device*/, unsigned* count, Process* found) {
    constexpr unsigned kProcesses = 100;
    const bool fits = *count >= kProcesses;
    *count = kProcesses;
    if (!fits) return 7;
    for (unsigned i = 0; i < kProcesses; ++i) found[i] = {1000 + i, 0, 0, 0};
    return 0;
}

int nvmlDeviceGetMPSComputeRunningProcesses_v3(void* /*device*/, unsigned* count, Process* found) {
    *count = 2;
    found[0] = {2000, 0, 0, 0};
    found[1] = {3000, 0, 0, 0};
    return 0;
}

int nvmlSystemGetProcessName(unsigned pid, char* name, unsigned length) {
    if (pid == 3000) return 6;
    std::strncpy(name, "python3", length);
    return 0;
}
// NOLINTEND(readability-identifier-naming)
}
