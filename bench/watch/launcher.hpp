#pragma once

#include <string>
#include <vector>

namespace moe {

/// What started this rank: mpirun or its daemon on this host, perhaps through scripts. It cannot
/// end the rank any more once it has been killed itself.
class Launcher {
public:
    /// Of this process, as it is now; a process that was not launched as a rank has none, and its
    /// shell may go.
    Launcher();
    [[nodiscard]] bool gone() const;

private:
    std::vector<int> chain_;  ///< processes from this one's parent up to the launcher
};

/// Why this process is not one of the job that was started, if the launcher says that it started
/// more ranks than the `ranks` that found each other in MPI; empty if they agree. That happens
/// where the launcher belongs to another MPI library: each rank would be a sweep of its own.
[[nodiscard]] std::string launched_apart(int ranks);
/// Whether the launcher calls this process its first rank; true where it is unknown.
[[nodiscard]] bool is_first_launched();

}  // namespace moe
