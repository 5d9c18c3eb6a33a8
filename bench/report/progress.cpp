#include "bench/report/progress.hpp"

#include "bench/report/screen.hpp"

#include <fmt/format.h>

#include <algorithm>
#include <chrono>
#include <cmath>
#include <utility>

namespace moe {
namespace {

constexpr double kRedrawSeconds = 0.1;
constexpr int kBarWidth = 24;
constexpr double kLongestSeconds = 3.6e9;  ///< a million hours; lround has no answer to everything

double seconds_now() {
    return std::chrono::duration<double>(std::chrono::steady_clock::now().time_since_epoch())
        .count();
}

}  // namespace

std::string duration_text(double seconds) {
    const auto whole = std::lround(std::min(seconds, kLongestSeconds));
    if (whole < 60) return fmt::format("{} s", whole);
    if (whole < 3600) return fmt::format("{} min {:02} s", whole / 60, whole % 60);
    return fmt::format("{} h {:02} min", whole / 3600, whole % 3600 / 60);
}

Progress::Progress(Style style, std::size_t cases, double expected_seconds)
    : style_(style), cases_(cases), expected_(expected_seconds), started_(seconds_now()) {}

Progress::~Progress() {
    clear();
}

std::string Progress::time_left(double share) const {
    const double done = static_cast<double>(index_) + share;
    const double left = static_cast<double>(cases_) - done;
    // The first case also warms up, makes weights and verifies: no measure for the others.
    const double each = index_ == 0 ? expected_ : (seconds_now() - started_) / done;
    return duration_text(left * each);
}

void Progress::begin(std::size_t index, std::string label) {
    index_ = index;
    label_ = std::move(label);
    if (style_ == Style::plain) {
        show_error(
            fmt::format("[{}/{}] {} (about {} left)\n", index + 1, cases_, label_, time_left(0)));
    }
    drawn_ = 0;
    update(0);
}

void Progress::update(double share) {
    const double now = seconds_now();
    if (style_ != Style::bar || now - drawn_ < kRedrawSeconds) return;
    drawn_ = now;
    const double done = (static_cast<double>(index_) + share) / static_cast<double>(cases_);
    const auto filled = std::clamp(static_cast<int>(done * kBarWidth), 0, kBarWidth);
    show_error(fmt::format("\r\x1b[K[{:#<{}}{:.<{}}] {}/{} {} left: {}", "", filled, "",
                           kBarWidth - filled, index_ + 1, cases_, time_left(share), label_));
}

void Progress::clear() {
    if (style_ != Style::bar) return;
    show_error("\r\x1b[K");
}

}  // namespace moe
