#pragma once

#include "kernels/cuda/cuda.hpp"

#include <optional>
#include <vector>

namespace moe::cuda {

/// By NVML, which is loaded at run time: it comes with the driver, and is not everywhere. Nothing,
/// and false, where it is not there or does not know.
[[nodiscard]] std::optional<Clocks> nvml_clocks(int ordinal);
[[nodiscard]] bool nvml_has_nvlink(int ordinal);
/// Who computes on the GPU there, through MPS or not, whatever user and container it belongs to.
/// Needs no context, and so tells before this process has one.
[[nodiscard]] std::optional<std::vector<DeviceProcess>> nvml_processes(const BusId& bus);

}  // namespace moe::cuda
