#include "bench/report/step_trace.hpp"

#include "bench/moe/layer.hpp"

#include <fmt/format.h>

#include <algorithm>

namespace moe {
namespace {

constexpr std::string_view kPhase = "phase", kWait = "wait";
/// Between two cases, of the longest step before it.
constexpr double kGap = 0.1;

/// Whether ranks wait for each other there.
bool is_exchange(std::string_view name) {
    return name == phase::kGather || name == phase::kCombine;
}

/// When the last rank came to the phase.
double last_begin(std::span<const RankStep> ranks, std::size_t phase) {
    double last = ranks.front().arrival;
    for (const auto& rank : ranks) last = std::max(last, rank.arrival + rank.phases[phase].begin);
    return last;
}

}  // namespace

std::vector<TraceTrack> tracks_of(std::span<const RankStep> ranks) {
    const double origin = std::ranges::min_element(ranks, {}, &RankStep::arrival)->arrival;
    std::vector<TraceTrack> tracks;
    for (const auto& rank : ranks) {
        auto& track = tracks.emplace_back(TraceTrack{fmt::format("rank {}", tracks.size()), {}});
        for (std::size_t i = 0; i < phase::kAll.size(); ++i) {
            const auto& time = rank.phases[i];
            if (time.duration <= 0) continue;  // did not happen
            double begin = rank.arrival + time.begin;
            const double end = begin + time.duration;
            const double last = is_exchange(phase::kAll[i]) ? last_begin(ranks, i) : begin;
            // Who left before the last rank came has not waited for it.
            if (begin < last && last < end) {
                track.slices.push_back({kWait, kWait, begin - origin, last - begin});
                begin = last;
            }
            track.slices.push_back({phase::kAll[i], kPhase, begin - origin, end - begin});
        }
    }
    return tracks;
}

void StepTrace::append(std::string_view label, std::span<const TracedStep> steps) {
    double longest = 0;
    for (const auto& step : steps) {
        auto tracks = tracks_of(step.ranks);
        for (auto& track : tracks) {
            for (auto& slice : track.slices) {
                longest = std::max(longest, slice.begin + slice.duration);
                slice.begin += origin_;
            }
        }
        file_.append(fmt::format("{} | {}", label, step.combine), tracks);
    }
    origin_ += longest * (1 + kGap);
}

}  // namespace moe
