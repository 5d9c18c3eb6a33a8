#include "bench/watch/launcher.hpp"

#include "bench/watch/process.hpp"

#include <fcntl.h>
#include <fmt/format.h>
#include <sys/prctl.h>
#include <unistd.h>

#include <algorithm>
#include <array>
#include <cerrno>
#include <charconv>
#include <chrono>
#include <cstdlib>
#include <exception>
#include <filesystem>
#include <fstream>
#include <string>
#include <string_view>
#include <system_error>
#include <thread>
#include <vector>

namespace moe {
namespace {

namespace fs = std::filesystem;

constexpr std::string_view kSharedMemory{"/dev/shm/"};
/// How long a launcher may live after its rank without being one that will clean up itself; and how
/// long the other ranks may take to notice that it is gone.
constexpr std::chrono::milliseconds kWait{1500}, kStep{20}, kLastRanks{600};

/// Of the environment, which nobody changes; null if it is not there.
const char* variable(const char* name) {
    return std::getenv(name);  // NOLINT(concurrency-mt-unsafe): not while nobody calls setenv
}

bool is_rank() {
    constexpr std::array kMarks{"OMPI_COMM_WORLD_SIZE", "PMIX_RANK", "PMI_RANK", "SLURM_PROCID"};
    return std::any_of(kMarks.begin(), kMarks.end(),
                       [](const char* name) { return variable(name) != nullptr; });
}

bool is_gone(int pid) {
    return pid != 0 && state_of_process(pid) == ProcessState::gone;
}

fs::path session_folder() {
    const char* folder = variable("PMIX_SERVER_TMPDIR");
    return folder == nullptr ? "" : folder;
}

/// Open MPI 4 names the folder after mpirun: /tmp/ompi.HOST.USER/pid.123. Daemons on other hosts
/// use other names.
int owner_of_session() {
    const auto name = session_folder().filename().string();
    constexpr std::string_view kPrefix{"pid."};
    int pid = 0;
    if (!name.starts_with(kPrefix)) return 0;
    const auto* end = name.data() + name.size();
    const auto parsed = std::from_chars(name.data() + kPrefix.size(), end, pid);
    return parsed.ec == std::errc() && parsed.ptr == end && !is_gone(pid) ? pid : 0;
}

/// Whether a file of shared memory is Open MPI's, of this job: vader_segment.HOST.USER.JOB.RANK
/// with the job in hexadecimal. By name, because MPI_Init unmaps them when it fails half way.
bool of_this_job(const fs::path& file) {
    const char* job = variable("PMIX_NAMESPACE");
    if (job == nullptr) return false;
    const auto name = file.filename().string();
    const auto number = fmt::format(".{:x}.", std::strtoul(job, nullptr, 10));
    return name.find("_segment.") != std::string::npos && name.find(number) != std::string::npos;
}

/// Whether this rank is the one of its host that cleans up; each, where nobody counts them.
bool first_of_host() {
    const char* place = variable("OMPI_COMM_WORLD_LOCAL_RANK");
    return place == nullptr || std::string_view(place) == "0";
}

/// The janitor's whole life.
void wait_and_clean_up(int rank_alive, const Launcher& launcher) {
    prctl(PR_SET_NAME, "moe_janitor");
    // Nobody is to wait for the end of what this process could print; and Ctrl-C is not its end.
    for (const int file : {STDIN_FILENO, STDOUT_FILENO, STDERR_FILENO}) close(file);
    setsid();
    char word = 0;
    while (read(rank_alive, &word, 1) < 0 && errno == EINTR) {
    }
    if (word != 0) return;
    const auto deadline = std::chrono::steady_clock::now() + kWait;
    while (!launcher.gone() && std::chrono::steady_clock::now() < deadline) {
        std::this_thread::sleep_for(kStep);
    }
    if (!launcher.gone()) return;
    std::this_thread::sleep_for(kLastRanks);
    launcher.remove_leftovers();
}

}  // namespace

Launcher::Launcher()
    : parent_(is_rank() ? getppid() : 0), server_(is_rank() ? owner_of_session() : 0) {}

bool Launcher::gone() const {
    return is_gone(parent_) || is_gone(server_);
}

void Launcher::remove_leftovers() const {
    std::vector<fs::path> files;
    for (const auto& file : fs::directory_iterator(kSharedMemory)) {
        if (of_this_job(file.path())) files.push_back(file.path());
    }
    std::error_code gone_already;
    for (const auto& file : files) fs::remove(file, gone_already);
    if (server_ != 0) fs::remove_all(session_folder(), gone_already);
}

Janitor::Janitor(const Launcher& launcher) {
    if (!launcher.known() || !first_of_host()) return;
    std::array<int, 2> ends{};
    if (pipe2(ends.data(), O_CLOEXEC) != 0) return;
    if (fork() == 0) {
        close(ends[1]);
        try {
            wait_and_clean_up(ends[0], launcher);
        } catch (const std::exception&) {  // out of memory, say: nothing more to be done
        }
        _exit(0);
    }
    close(ends[0]);
    alive_ = ends[1];
}

Janitor::~Janitor() {
    if (alive_ < 0) return;
    [[maybe_unused]] const auto written = write(alive_, "q", 1);
    close(alive_);
}

}  // namespace moe
