#include "kernels/cuda/nvml.hpp"

#include <dlfcn.h>

#include <array>
#include <string>

namespace moe::cuda {
namespace {

// NVML's interface as its reference manual documents it; the header is a package of its own that
// few machines have.
using Status = int;  // 0: success
using Handle = struct NvmlDevice*;
constexpr int kSmClock = 1;
constexpr int kMemoryClock = 2;
constexpr int kInsufficientSize = 7;
constexpr unsigned kLinks = 18;

/// nvmlProcessInfo_t of the third version of the calls that fill it.
struct ProcessInfo {
    unsigned pid{};
    unsigned long long bytes{};
    unsigned gpu_instance{};
    unsigned compute_instance{};
};
using ListProcesses = Status (*)(Handle, unsigned*, ProcessInfo*);

struct Reason {
    unsigned long long bit;
    const char* name;
};
/// Of the reasons that a clock may be lower than it could be, those that make a measurement
/// suspect; an idle GPU or a clock set on purpose do not.
constexpr std::array kReasons{Reason{0x4, "power_cap"}, Reason{0x8, "hw_slowdown"},
                              Reason{0x20, "sw_thermal"}, Reason{0x40, "hw_thermal"},
                              Reason{0x80, "power_brake"}};

class Nvml {
public:
    Nvml() : library_(dlopen("libnvidia-ml.so.1", RTLD_NOW)) {
        if (library_ == nullptr) return;
        Status (*init)() = nullptr;
        find(init, "nvmlInit_v2");
        find(handle_by_bus_, "nvmlDeviceGetHandleByPciBusId_v2");
        find(clock_, "nvmlDeviceGetClockInfo");
        find(reasons_, "nvmlDeviceGetCurrentClocksThrottleReasons");
        find(link_, "nvmlDeviceGetNvLinkState");
        usable_ = complete_ && init() == 0;
        // Drivers before 510 lack these; the rest is of use without.
        find(list_compute_, "nvmlDeviceGetComputeRunningProcesses_v3");
        find(list_mps_, "nvmlDeviceGetMPSComputeRunningProcesses_v3");
        find(process_name_, "nvmlSystemGetProcessName");
    }

    [[nodiscard]] std::optional<Handle> device(const BusId& bus) const {
        Handle handle{};
        if (!usable_ || handle_by_bus_(bus.data(), &handle) != 0) return std::nullopt;
        return handle;
    }
    [[nodiscard]] std::optional<Handle> device(int ordinal) const {
        BusId bus{};
        if (cudaDeviceGetPCIBusId(bus.data(), static_cast<int>(bus.size()), ordinal) !=
            cudaSuccess) {
            return std::nullopt;
        }
        return device(bus);
    }
    [[nodiscard]] int clock(Handle device, int which) const {
        unsigned mhz = 0;
        return clock_(device, which, &mhz) == 0 ? static_cast<int>(mhz) : 0;
    }
    [[nodiscard]] std::string throttled(Handle device) const {
        unsigned long long bits = 0;
        if (reasons_(device, &bits) != 0) return {};
        std::string text;
        for (const auto& [bit, name] : kReasons) {
            if ((bits & bit) == 0) continue;
            if (!text.empty()) text += ';';
            text += name;
        }
        return text;
    }
    [[nodiscard]] bool has_nvlink(Handle device) const {
        for (unsigned link = 0; link < kLinks; ++link) {
            unsigned active = 0;
            if (link_(device, link, &active) == 0 && active == 1) return true;
        }
        return false;
    }

    [[nodiscard]] std::optional<std::vector<DeviceProcess>> processes(Handle device) const {
        std::vector<DeviceProcess> all;
        for (const auto list : {list_compute_, list_mps_}) {
            const auto some = infos(device, list);
            if (!some) return std::nullopt;
            for (const auto& info : *some) all.push_back({info.pid, name_of(info.pid)});
        }
        return all;
    }

private:
    /// Processes may start between two calls: asked again until there was room for all.
    [[nodiscard]] static std::optional<std::vector<ProcessInfo>> infos(Handle device,
                                                                       ListProcesses list) {
        constexpr unsigned kMax = 1U << 16U;
        std::vector<ProcessInfo> found(64);
        while (list != nullptr && found.size() <= kMax) {
            auto count = static_cast<unsigned>(found.size());
            const auto status = list(device, &count, found.data());
            if (status == 0) {
                found.resize(count);
                return found;
            }
            if (status != kInsufficientSize) return std::nullopt;
            found.resize(2 * found.size());
        }
        return std::nullopt;
    }
    [[nodiscard]] std::string name_of(unsigned pid) const {
        std::array<char, 256> name{};
        const bool told = process_name_ != nullptr &&
                          process_name_(pid, name.data(), static_cast<unsigned>(name.size())) == 0;
        return told ? name.data() : "";
    }

    template <class Function>
    void find(Function& function, const char* name) {
        function = reinterpret_cast<Function>(dlsym(library_, name));
        complete_ = complete_ && function != nullptr;
    }

    void* library_;
    bool complete_{true};
    bool usable_{};
    Status (*handle_by_bus_)(const char*, Handle*){};
    Status (*clock_)(Handle, int, unsigned*){};
    Status (*reasons_)(Handle, unsigned long long*){};
    Status (*link_)(Handle, unsigned, unsigned*){};
    ListProcesses list_compute_{};
    ListProcesses list_mps_{};
    Status (*process_name_)(unsigned, char*, unsigned){};
};

const Nvml& nvml() {
    static const Nvml loaded;
    return loaded;
}

}  // namespace

std::optional<Clocks> nvml_clocks(int ordinal) {
    const auto device = nvml().device(ordinal);
    if (!device) return std::nullopt;
    return Clocks{nvml().clock(*device, kSmClock), nvml().clock(*device, kMemoryClock),
                  nvml().throttled(*device)};
}

bool nvml_has_nvlink(int ordinal) {
    const auto device = nvml().device(ordinal);
    return device && nvml().has_nvlink(*device);
}

std::optional<std::vector<DeviceProcess>> nvml_processes(const BusId& bus) {
    const auto device = nvml().device(bus);
    if (!device) return std::nullopt;
    return nvml().processes(*device);
}

}  // namespace moe::cuda
