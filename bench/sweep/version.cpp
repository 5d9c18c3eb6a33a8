#include "bench/sweep/version.hpp"

#include "comm/backend.hpp"

#include "revision.hpp"

#include <fmt/format.h>

namespace moe {

std::string version_line() {
    auto line = fmt::format("bench_moe_comm {}, revision {:.12}{}", revision::kVersion,
                            revision::kCommit, revision::kDirty ? " with changes" : "");
    for (const auto& backend : backend_table()) {
        const auto libraries = backend.libraries();
        // MPICH tells its whole configuration below its version.
        line += fmt::format("; {}: {}", backend.name, libraries.substr(0, libraries.find('\n')));
    }
    return line + '\n';
}

}  // namespace moe
