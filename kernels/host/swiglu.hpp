#pragma once

#include <cstdint>

namespace moe {

/// gate_up [rows, 2*I], gate columns first: the gate half becomes silu(gate) * up, in place.
void swiglu(float* gate_up, std::int64_t rows, std::int64_t intermediate);

}  // namespace moe
