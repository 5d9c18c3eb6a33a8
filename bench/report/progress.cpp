#include "bench/report/progress.hpp"

#include "bench/measure/timeline.hpp"
#include "bench/report/screen.hpp"

#include <fmt/format.h>

#include <algorithm>
#include <cmath>
#include <utility>

namespace moe {
namespace {

constexpr double kRedrawSeconds = 0.3;
constexpr int kMaxBar = 24;
constexpr double kLongestSeconds = 3.6e9;  ///< a million hours; lround has no answer to everything

}  // namespace

std::string duration_text(double seconds) {
    const auto whole = std::lround(std::min(seconds, kLongestSeconds));
    if (whole < 60) return fmt::format("{} s", whole);
    if (whole < 3600) return fmt::format("{} min {:02} s", whole / 60, whole % 60);
    return fmt::format("{} h {:02} min", whole / 3600, whole % 3600 / 60);
}

std::string time_left_text(double seconds) {
    return duration_text(std::max(std::ceil(seconds), 1.0));
}

std::string bar_text(const BarState& state, int columns) {
    const int bar = std::clamp(columns / 4, 1, kMaxBar);
    const auto filled = std::clamp(static_cast<int>(state.done * bar), 0, bar);
    const auto spent =
        state.share > 0 ? fmt::format(" {:.0f} %", std::min(state.share, 1.0) * 100) : "";
    const auto text = fmt::format(
        "[{:#<{}}{:.<{}}] {}/{} {} left, {}{}: {}", "", filled, "", bar - filled, state.number,
        state.cases, time_left_text(state.seconds_left), state.phase, spent, state.label);
    // A line that fills the last column makes some terminals go to the next one.
    return text.substr(0, static_cast<std::size_t>(std::max(columns - 1, 0)));
}

Progress::Progress(Style style, std::size_t cases, SecondsLeft seconds_left)
    : style_(style),
      cases_(cases),
      seconds_left_(std::move(seconds_left)),
      started_(steady_seconds()) {}

Progress::~Progress() {
    clear();
}

void Progress::begin(std::size_t index, std::string label) {
    index_ = index;
    label_ = std::move(label);
    if (style_ == Style::plain) {
        show_error(fmt::format("[{}/{}] {} (about {} left)\n", index + 1, cases_, label_,
                               time_left_text(seconds_left_(steady_seconds()))));
    }
    update("preparing");
}

void Progress::update(std::string_view phase, double share) {
    const double now = steady_seconds();
    if (style_ != Style::bar || (phase == phase_ && now - drawn_ < kRedrawSeconds)) return;
    drawn_ = now;
    phase_ = phase;
    const double left = seconds_left_(now);
    const double done = (now - started_) / (now - started_ + left);
    show_error("\r\x1b[K" +
               bar_text({done, index_ + 1, cases_, left, phase_, label_, share}, screen_columns()));
}

void Progress::clear() {
    if (style_ != Style::bar) return;
    show_error("\r\x1b[K");
}

}  // namespace moe
