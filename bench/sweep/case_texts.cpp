#include "bench/sweep/case_texts.hpp"

#include "bench/sweep/axes.hpp"
#include "bench/sweep/fnv1a.hpp"

#include <fmt/format.h>

#include <algorithm>
#include <vector>

namespace moe {
namespace {

const std::vector<const Axis*>& axes_in_id_order() {
    static const auto kSorted = [] {
        std::vector<const Axis*> sorted;
        for (const auto& axis : axes()) sorted.push_back(&axis);
        std::ranges::sort(sorted, {}, [](const Axis* axis) { return axis->id.number; });
        return sorted;
    }();
    return kSorted;
}

}  // namespace

std::string case_id(const Case& params, std::string_view where) {
    static const Case kDefault;
    std::string text(where);
    for (const auto* axis : axes_in_id_order()) {
        if (!axis->id.at_default && axis->text(params) == axis->text(kDefault)) continue;
        text += axis->hashed != nullptr ? axis->hashed(params)
                                        : hashed_line(axis->column, axis->text(params));
    }
    return fnv1a(text);
}

std::string weights_key(const Case& params) {
    std::string key;
    for (const auto& axis : axes()) {
        if (axis.of_weights) key += fmt::format("{}={}\n", axis.column, axis.text(params));
    }
    return key;
}

std::string labels_of(const Case& params) {
    std::string label, measurement;
    for (const auto& axis : axes()) {
        const auto words = axis.label != nullptr ? axis.label(params) : "";
        if (words.empty()) continue;
        auto& text = axis.option.group == OptionGroup::measurement ? measurement : label;
        if (!text.empty()) text += " ";
        text += words;
    }
    return measurement.empty() ? label : label + " " + measurement;
}

std::string label_of(const Case& params) {
    return fmt::format("{} {}: {} tokens", labels_of(params), params.load.text(), params.tokens);
}

}  // namespace moe
