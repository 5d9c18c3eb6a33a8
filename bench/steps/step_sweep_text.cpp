#include "bench/steps/step_sweep_text.hpp"

#include <nlohmann/json.hpp>

#include <cstdint>
#include <optional>
#include <vector>

namespace moe {
namespace {

using nlohmann::json;

template <class T>
json json_of(const std::optional<T>& value) {
    return value ? json(*value) : json();
}

template <class T>
std::optional<T> optional_of(const json& value) {
    return value.is_null() ? std::nullopt : std::optional(value.get<T>());
}

}  // namespace

// The names by which nlohmann/json finds them. A phase travels as its number.

static void to_json(json& to, const Bucket& bucket) {
    to = json::array({json_of(bucket.phase), bucket.rows, bucket.tokens, bucket.steps});
}
static void from_json(const json& from, Bucket& bucket) {
    bucket.phase = optional_of<StepPhase>(from.at(0));
    from.at(1).get_to(bucket.rows);
    from.at(2).get_to(bucket.tokens);
    from.at(3).get_to(bucket.steps);
}
NLOHMANN_DEFINE_TYPE_NON_INTRUSIVE(Grouping, representatives, steps, mean_rows, mean_error,
                                   largest_error)
NLOHMANN_DEFINE_TYPE_NON_INTRUSIVE(StepSetting, label, grouping, not_this_question, row_bytes)

std::string to_text(const StepSweep& sweep) {
    // Strings as bytes: a path need not be UTF-8.
    const auto bytes =
        json::to_cbor(json::array({sweep.source, sweep.engines, json_of(sweep.engine_seconds),
                                   sweep.dp, json_of(sweep.ep), sweep.settings, sweep.file_hash}));
    return {bytes.begin(), bytes.end()};
}

StepSweep parse_step_sweep(std::string_view text) {
    const auto all = json::from_cbor(text.begin(), text.end());
    return {all.at(0).get<std::string>(),         all.at(1).get<std::vector<std::string>>(),
            optional_of<double>(all.at(2)),       all.at(3).get<std::int64_t>(),
            optional_of<std::int64_t>(all.at(4)), all.at(5).get<std::vector<StepSetting>>(),
            all.at(6).get<std::string>()};
}

}  // namespace moe
