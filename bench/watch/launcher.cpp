#include "bench/watch/launcher.hpp"

#include "comm/process_view.hpp"

#include <fmt/format.h>
#include <unistd.h>

#include <algorithm>
#include <array>
#include <charconv>
#include <cstdlib>
#include <optional>
#include <string_view>

namespace moe {
namespace {

/// By which variables a launcher tells a rank its number, and how many there are.
struct Marks {
    const char* rank;
    const char* count;
    std::string_view launcher;
};
constexpr std::array kMarks{
    Marks{"OMPI_COMM_WORLD_RANK", "OMPI_COMM_WORLD_SIZE", "Open MPI's mpirun"},
    Marks{"PMI_RANK", "PMI_SIZE", "the mpiexec of MPICH or its like"},
    Marks{"SLURM_PROCID", "SLURM_STEP_NUM_TASKS", "srun"},
    Marks{"FLUX_TASK_RANK", "FLUX_JOB_SIZE", "flux run"},
    Marks{"PMIX_RANK", nullptr, "a launcher with PMIx"}};

/// Of the environment, which stays as it is; null if it is not there.
const char* variable(const char* name) {
    return std::getenv(name);  // NOLINT(concurrency-mt-unsafe): no thread calls setenv
}

std::optional<int> number_in(const char* name) {
    const char* text = name == nullptr ? nullptr : variable(name);
    if (text == nullptr) return std::nullopt;
    const std::string_view digits(text);
    int number = 0;
    const auto parsed = std::from_chars(digits.data(), digits.data() + digits.size(), number);
    const bool whole = parsed.ec == std::errc() && parsed.ptr == digits.data() + digits.size();
    return whole ? std::optional(number) : std::nullopt;
}

/// What makes this process a rank, as NAME=VALUE.
std::vector<std::string> own_marks() {
    std::vector<std::string> marks;
    for (const auto& mark : kMarks) {
        const char* value = variable(mark.rank);
        if (value != nullptr) marks.push_back(fmt::format("{}={}", mark.rank, value));
    }
    return marks;
}

/// Whether a process was started as the same rank: a script, say, that starts the program.
bool is_same_rank(int pid, const std::vector<std::string>& marks) {
    const auto variables = environment_of_process(pid);
    return std::ranges::all_of(marks, [&](const auto& mark) {
        return std::ranges::find(variables, mark) != variables.end();
    });
}

}  // namespace

Launcher::Launcher() {
    const auto marks = own_marks();
    if (marks.empty()) return;
    int pid = getppid();
    while (pid != 0) {
        chain_.push_back(pid);
        pid = is_same_rank(pid, marks) ? parent_of_process(pid) : 0;
    }
}

bool Launcher::gone() const {
    return std::ranges::any_of(chain_,
                               [](int pid) { return state_of_process(pid) == ProcessState::gone; });
}

std::string launched_apart(int ranks) {
    const Marks* apart = nullptr;
    for (const auto& mark : kMarks) {
        const auto count = number_in(mark.count);
        // The nearest launcher is right: mpirun inside a larger allocation, say.
        if (count == ranks) return {};
        if (count && *count > ranks && apart == nullptr) apart = &mark;
    }
    if (apart == nullptr) return {};
    return fmt::format(
        "{} started {} ranks ({}), and MPI knows of {}: it belongs to another MPI library than "
        "this "
        "program, or does not speak its PMI; start it with the launcher of its own library (under "
        "Slurm: srun --mpi=pmix or pmi2, see srun --mpi=list)",
        apart->launcher, *number_in(apart->count), apart->count, ranks);
}

bool is_first_launched() {
    return std::ranges::all_of(
        kMarks, [](const auto& mark) { return number_in(mark.rank).value_or(0) == 0; });
}

}  // namespace moe
