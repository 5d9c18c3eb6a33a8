#include "bench/steps/buckets.hpp"

#include "bench/case/layout.hpp"
#include "bench/moe/engine_gate.hpp"
#include "kernels/runtime/error.hpp"

#include <fmt/format.h>

#include <algorithm>
#include <functional>
#include <iterator>
#include <tuple>

namespace moe {
namespace {

/// Why no engine chooses in this deployment; empty where it does. What the file does not say is as
/// in the run.
std::string outside_the_gate(Engine engine, const StepFile& file, const Parallel& run) {
    if (!file.all_to_all.empty()) return fmt::format("all-to-all backend {}", file.all_to_all);
    if (run.dp == 1) return "dp is 1";
    if (engine != Engine::sglang) return {};
    const Parallel deployed{static_cast<int>(file.tp.value_or(run.ranks)), run.dp,
                            static_cast<int>(file.ep.value_or(run.ep))};
    const auto path = sglang_path(deployed);
    const auto why = path.find(": ");
    return why == std::string::npos ? std::string() : path.substr(why + 2);
}

/// What asks for the phase of each step; empty where nothing does.
std::string asking_for_phase(const Case& setting, std::span<const StepPhase> phases) {
    if (asks_for_phase(setting.padding)) {
        return fmt::format("--padding {}", to_string(setting.padding));
    }
    if (setting.graph_sizes.given()) return "--graph-sizes";
    return phases.empty() ? "" : "--phase";
}

/// Why a step is none of those asked for; empty where it is.
std::string another_phase(const Step& step, std::span<const StepPhase> phases) {
    if (phases.empty() || !step.phase) return {};
    if (std::ranges::find(phases, *step.phase) != phases.end()) return {};
    return fmt::format("phase {}", to_string(*step.phase));
}

Bucket bucket_of(const Step& step, Case& params, const Parallel& run, const std::string& asking) {
    Bucket bucket;
    if (!asking.empty()) {
        if (!step.phase) {
            throw BadArgument(
                fmt::format("{}: it asks for the phase of each step, and some of --steps have "
                            "none; --padding sum_len or max_len alone does not",
                            asking));
        }
        bucket.phase = step.phase;
    }
    bucket.tokens = step.tokens;
    if (step.graph_rows > 0) bucket.tokens.assign(step.tokens.size(), *step.graph_rows);
    std::ranges::sort(bucket.tokens, std::greater());
    params.phase = bucket.phase;
    bucket.rows = padded_step(params, bucket.tokens, run).rows_by_dp;
    bucket.steps = step.count;
    return bucket;
}

/// Joins those in which the same rows travel.
void merge_equal(std::vector<Bucket>& buckets) {
    const auto key = [](const Bucket& bucket) { return std::tie(bucket.phase, bucket.rows); };
    std::ranges::stable_sort(buckets, {}, key);
    auto last = buckets.begin();
    for (auto next = last; next != buckets.end(); ++next) {
        if (next == last) continue;
        if (key(*next) == key(*last)) {
            last->steps += next->steps;
        } else if (++last != next) {
            *last = std::move(*next);
        }
    }
    if (last != buckets.end()) buckets.erase(std::next(last), buckets.end());
}

}  // namespace

Buckets bucket_steps(const StepFile& file, const Case& setting, int ranks,
                     std::span<const StepPhase> phases) {
    const Parallel run{ranks, static_cast<int>(setting.dp), static_cast<int>(setting.ep)};
    const auto asking = asking_for_phase(setting, phases);
    auto params = setting;
    Buckets found;
    found.buckets.reserve(file.steps.size());
    for (const auto& step : file.steps) {
        auto reason = outside_the_gate(step.engine, file, run);
        const bool idle = std::ranges::all_of(step.tokens, [](auto count) { return count == 0; });
        if (reason.empty() && idle) reason = "no tokens";
        if (reason.empty()) reason = another_phase(step, phases);
        if (reason.empty()) {
            found.buckets.push_back(bucket_of(step, params, run, asking));
        } else {
            found.not_this_question[reason] += step.count;
        }
    }
    merge_equal(found.buckets);
    return found;
}

}  // namespace moe
