#pragma once

#include "kernels/runtime/device.hpp"

#include <string>

namespace moe {

/// What is wrong with the h and y that Device::residual_norm left, given its x, r and g; empty when
/// h has the right bits and y is as near as two roundings and a sum in f32 allow.
[[nodiscard]] std::string compare_residual_norm(Device& device, const ResidualNorm& norm);

}  // namespace moe
