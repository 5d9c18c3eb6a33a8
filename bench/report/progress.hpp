#pragma once

#include <cstddef>
#include <functional>
#include <string>
#include <string_view>

namespace moe {

/// A time for people: 12 s, 3 min 05 s, 2 h 10 min.
[[nodiscard]] std::string duration_text(double seconds);

/// What is left, for people: never 0 s, since there is something.
[[nodiscard]] std::string time_left_text(double seconds);

/// What a bar tells of a sweep.
struct BarState {
    double done{};  ///< share of the sweep's time, between 0 and 1
    std::size_t number{}, cases{};
    double seconds_left{};
    std::string_view phase, label;
    double share{};  ///< of the phase's time that is spent; 0 where unknown
};
/// One line for a terminal of so many columns. What does not fit is cut, the end of the label
/// first.
[[nodiscard]] std::string bar_text(const BarState& state, int columns);

/// How far the sweep is and how long it will take, on stderr. A bar on a terminal, else a line for
/// each case.
class Progress {
public:
    enum class Style { none, plain, bar };
    /// Seconds until the sweep ends, at a moment of steady_seconds().
    using SecondsLeft = std::function<double(double)>;
    Progress(Style style, std::size_t cases, SecondsLeft seconds_left);
    ~Progress();
    Progress(const Progress&) = delete;
    Progress& operator=(const Progress&) = delete;

    void begin(std::size_t index, std::string label);
    /// `share` of the phase's time that is spent, between 0 and 1; 0 where unknown.
    void update(std::string_view phase, double share = 0);
    /// Takes the bar away, so that something else can be printed.
    void clear();

private:
    Style style_;
    std::size_t cases_;
    SecondsLeft seconds_left_;
    double started_;
    double drawn_{};
    std::size_t index_{};
    std::string label_, phase_;
};

}  // namespace moe
