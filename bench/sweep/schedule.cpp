#include "bench/sweep/schedule.hpp"

#include <algorithm>
#include <utility>

namespace moe {
namespace {

/// Seconds by which expectations are believed before anything was measured: a short first case
/// says little of long ones.
constexpr double kTrusted = 1;
/// A case that takes longer than expected still needs this share of it.
constexpr double kShareNeeded = 0.05;

double seconds_at(const CaseSeconds& seconds, double effort) {
    const double share = (effort - kLeastEffort) / (1 - kLeastEffort);
    return seconds.least + share * (seconds.full - seconds.least);
}

}  // namespace

Schedule::Schedule(std::vector<CaseSeconds> cases, std::optional<double> limit, double now)
    : cases_(std::move(cases)), after_(cases_.size()), began_(now) {
    if (limit) end_ = now + *limit;
    CaseSeconds sum;
    for (auto i = cases_.size(); i-- > 0;) {
        after_[i] = sum;
        sum.full += cases_[i].full;
        sum.least += cases_[i].least;
    }
}

double Schedule::begin(std::size_t index, double now) {
    if (current_) {
        measured_ += now - began_;
        expected_ += expected_of_current_;
    }
    began_ = now;
    current_ = index;
    expected_of_current_ = 0;
    const double effort = end_ ? effort_of(index, *end_ - now) : 1;
    if (effort > 0) expected_of_current_ = seconds_at(cases_[index], effort);
    return effort;
}

double Schedule::effort_of(std::size_t index, double left) const {
    const auto& own = cases_[index];
    if (own.full <= 0) return 1;
    const double ratio = this->ratio(began_);
    const double full = (own.full + after_[index].full) * ratio;
    if (full <= left) return 1;
    const double least = (own.least + after_[index].least) * ratio;
    if (least < left) {
        return kLeastEffort + (1 - kLeastEffort) * (left - least) / (full - least);
    }
    const bool first = expected_ <= 0;
    return first || own.least * ratio <= left ? kLeastEffort : 0;
}

double Schedule::ratio(double now) const {
    const double done = (measured_ + kTrusted) / (expected_ + kTrusted);
    const double spent = current_ ? now - began_ : 0;
    return std::max(done,
                    (measured_ + spent + kTrusted) / (expected_ + expected_of_current_ + kTrusted));
}

double Schedule::seconds_left(double now) const {
    if (cases_.empty()) return 0;
    const double ratio = this->ratio(now);
    const double behind = current_ ? after_[*current_].full : cases_[0].full + after_[0].full;
    const double own = expected_of_current_ * ratio;
    const double needed = kShareNeeded * own;
    const double left = behind * ratio + std::max(own - (now - began_), needed);
    return end_ ? std::min(left, std::max(*end_ - now, needed)) : left;
}

std::size_t count_left_out(const std::vector<CaseSeconds>& cases, double limit) {
    Schedule schedule(cases, limit, 0);
    std::size_t left_out = 0;
    double now = 0;
    for (std::size_t i = 0; i < cases.size(); ++i) {
        const double effort = schedule.begin(i, now);
        if (effort > 0) {
            now += seconds_at(cases[i], effort);
        } else {
            ++left_out;
        }
    }
    return left_out;
}

}  // namespace moe
