#pragma once

#include "comm/machine.hpp"
#include "kernels/host/side_thread.hpp"

#include <cstddef>
#include <vector>

namespace moe {

/// Where the second thread of `rank` runs. Ranks that were given two cores each or more keep it
/// among theirs. Else each gets one of the cores under its kernel that no rank was given, in the
/// order of the ranks. Where these, or what control groups leave of their time, do not suffice for
/// all ranks under the kernel, threads stay with their ranks and share their cores.
[[nodiscard]] SideCore side_core_of(const std::vector<RankInfo>& ranks, std::size_t rank);

}  // namespace moe
