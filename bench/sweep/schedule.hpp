#pragma once

#include <cstddef>
#include <optional>
#include <vector>

namespace moe {

/// Seconds that a case is expected to take: with all samples that were asked for, and at the least
/// effort. None for one that cannot run.
struct CaseSeconds {
    double full{}, least{};
};

/// The share of its samples that a case gets at least where time is short.
inline constexpr double kLeastEffort = 0.1;

/// How long a sweep still takes, and how much of the time that is left the next case may have.
/// What cases are expected to take is corrected by what those so far took. Knows no clock: every
/// `now` is in seconds since any moment.
class Schedule {
public:
    /// With a `limit` the sweep ends so many seconds after `now`, as far as cases can be known.
    Schedule(std::vector<CaseSeconds> cases, std::optional<double> limit, double now);

    /// A case begins, and the one before it has ended. Answers its effort: 1, or less where the
    /// limit leaves no time for all samples of all cases that are left; 0 where it is left out,
    /// because even the least effort would end too late. The first case that can run always does:
    /// until then the error of the estimates is unknown.
    [[nodiscard]] double begin(std::size_t index, double now);
    /// Seconds until the sweep ends; above 0 while a case that can run is not done.
    [[nodiscard]] double seconds_left(double now) const;

private:
    [[nodiscard]] double effort_of(std::size_t index, double left) const;
    /// What cases take, over what they were expected to: of those done, and of the current one if
    /// it has taken longer than that already.
    [[nodiscard]] double ratio(double now) const;

    std::vector<CaseSeconds> cases_;
    std::vector<CaseSeconds> after_;  ///< [i]: of all cases behind case i
    std::optional<double> end_;
    double began_;
    std::optional<std::size_t> current_;
    double expected_of_current_{};
    double expected_{}, measured_{};  ///< of the cases that are done
};

/// Of a sweep that takes as long as expected, the cases that a limit of time leaves out.
[[nodiscard]] std::size_t count_left_out(const std::vector<CaseSeconds>& cases, double limit);

}  // namespace moe
