#pragma once

namespace moe {

/// Whether a time is so far below its limit that noise is no excuse: then the limit, or the time,
/// is not what it is taken for. Both in the same unit.
[[nodiscard]] bool exceeds_limit(double measured, double limit);

}  // namespace moe
