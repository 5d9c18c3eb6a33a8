#pragma once

#include "kernels/runtime/device.hpp"

namespace moe {

/// Device::residual_norm on a core.
void residual_norm(const ResidualNorm& norm);

}  // namespace moe
