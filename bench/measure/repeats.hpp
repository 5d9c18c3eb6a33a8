#pragma once

#include <cstdint>

namespace moe {

/// How runs follow each other. isolated: each sample starts from a common moment (latency).
/// pipelined: a sample is a burst of runs back to back (throughput).
enum class Mode : std::uint8_t { isolated, pipelined };

/// A burst of one run would be an isolated sample by another name.
constexpr int kShortestBurst = 4;

/// Runs inside one sample, the same for all candidates, whose times could not be compared
/// otherwise. Isolated: 1, unless the region is shorter than 20 times the timer's overhead.
/// Pipelined: enough that a burst is 20 times what agreeing on its start takes as well, which
/// bounds by how much ranks leave at different times. At most 200. All in seconds; `fastest` is the
/// shortest sample of one run.
struct Overheads {
    double timer{};  ///< above 0
    double agreement{};
};
[[nodiscard]] int runs_per_sample(Mode mode, double fastest, const Overheads& overheads);

}  // namespace moe
