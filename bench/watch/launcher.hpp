#pragma once

namespace moe {

/// What started this rank (mpirun or its daemon on this host, perhaps through a script), and cannot
/// end it or clean up after it any more once it has been killed itself.
class Launcher {
public:
    /// Of this process, as it is now; a process that nobody launched as a rank has none, and its
    /// shell may go.
    Launcher();
    [[nodiscard]] bool gone() const;
    /// Removes what the launcher would have removed on this host: Open MPI's shared-memory files of
    /// this job, and the launcher's session folder.
    void remove_leftovers() const;
    [[nodiscard]] bool known() const { return parent_ != 0; }

private:
    int parent_{};  ///< 0: none
    int server_{};  ///< that owns the session folder, where it is another process; 0: unknown
};

/// A small process, one for each host, that outlives its rank by a moment: when the rank and the
/// launcher are both gone before their time, nobody else is left to clean up. A process from the
/// start on, because SIGKILL leaves no time to make one, and MPI ends a rank that lost its launcher
/// without asking anybody. It waits on a pipe, and takes no time from the ranks.
class Janitor {
public:
    explicit Janitor(const Launcher& launcher);
    /// The rank has ended well: nothing to clean up.
    ~Janitor();
    Janitor(const Janitor&) = delete;
    Janitor& operator=(const Janitor&) = delete;

private:
    int alive_{-1};  ///< the end of the pipe that closes with this process
};

}  // namespace moe
