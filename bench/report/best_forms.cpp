#include "bench/report/best_forms.hpp"

#include "bench/measure/statistics.hpp"

#include <algorithm>
#include <limits>

namespace moe {
namespace {

/// Null where no strategy of this form was timed.
const FormSamples* best_of(std::span<const FormSamples> timed, Form form) {
    const FormSamples* best = nullptr;
    double shortest = std::numeric_limits<double>::infinity();
    for (const auto& samples : timed) {
        if (samples.form != form) continue;
        const double median =
            estimate_median({samples.output.begin(), samples.output.end()}).median;
        if (median >= shortest) continue;
        shortest = median;
        best = &samples;
    }
    return best;
}

}  // namespace

std::optional<Comparison> compare_best_forms(std::span<const FormSamples> timed) {
    const auto is_engines = [](const FormSamples& one) {
        return one.engines && one.form == Form::all_reduce;
    };
    const auto engines = std::ranges::find_if(timed, is_engines);
    const auto* all_reduce = engines != timed.end() ? &*engines : best_of(timed, Form::all_reduce);
    const auto* scatter = best_of(timed, Form::reduce_scatter);
    if (all_reduce == nullptr || scatter == nullptr) return std::nullopt;
    Comparison comparison{std::string(scatter->combine), std::string(all_reduce->combine),
                          estimate_median(paired_ratios(all_reduce->output, scatter->output))};
    if (!scatter->layer.empty()) {
        comparison.layer = estimate_median(paired_ratios(all_reduce->layer, scatter->layer));
    }
    comparison.engines = engines != timed.end();
    const auto baseline = std::ranges::find_if(timed, &FormSamples::baseline);
    if (comparison.engines && baseline != timed.end() && !is_engines(*baseline) &&
        baseline->form == Form::all_reduce) {
        comparison.beside = {std::string(baseline->combine),
                             estimate_median(paired_ratios(baseline->output, scatter->output))};
    }
    return comparison;
}

}  // namespace moe
