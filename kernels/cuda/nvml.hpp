#pragma once

#include "kernels/runtime/device.hpp"

namespace moe::cuda {

/// By NVML, which is loaded at run time: it comes with the driver, and is not everywhere. Nothing,
/// and false, where it is not there or does not know.
[[nodiscard]] std::optional<Clocks> nvml_clocks(int ordinal);
[[nodiscard]] bool nvml_has_nvlink(int ordinal);

}  // namespace moe::cuda
