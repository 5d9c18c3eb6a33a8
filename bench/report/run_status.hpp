#pragma once

#include <cstdint>
#include <map>
#include <string>

namespace moe {

/// What became of a run that wrote `rows` rows: status.json.
struct RunStatus {
    /// running, complete, out_of_time (cases are left), wrong_result, failed, interrupted,
    /// timed_out
    std::string state;
    std::string message;
    std::string run_id;
    std::int64_t rows{};
    std::string case_id{};                ///< of the case in work; empty between cases
    std::map<std::string, int> deaths{};  ///< runs before this one that died in a case, by case_id
};
/// Replaces the file as a whole.
void write_status(const std::string& path, const RunStatus& status);
/// All empty where the file is not there, or not ours.
[[nodiscard]] RunStatus read_status(const std::string& path);
/// The deaths before and with the run that left this status. It died if it failed, or is said to be
/// running though it is not; one that was asked to end, or got stuck, did not.
[[nodiscard]] std::map<std::string, int> deaths_with(const RunStatus& left);

}  // namespace moe
