#pragma once

#include <cstdint>
#include <string_view>

namespace moe {

/// Why times say nothing about which strategy is faster.
enum class NoVerdict : std::uint8_t {
    planted,         ///< the strategy was slowed down on purpose
    shared_machine,  ///< the claim: processes of others computed on a GPU of this job
    functional,      ///< the claim: ranks shared cores, or a GPU
    disturbed        ///< others had a rank's core for too long, and the host's clock was used
};
/// The word of the column `no_verdict`.
[[nodiscard]] std::string_view to_string(NoVerdict reason);

}  // namespace moe
