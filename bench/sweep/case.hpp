#pragma once

#include "kernels/runtime/dtype.hpp"
#include "kernels/runtime/scoring.hpp"

#include <cstdint>
#include <string>
#include <string_view>
#include <vector>

namespace moe {

inline constexpr std::string_view kGraphOn = "on";
/// SGLang's rules for padding, each by the release that has it.
inline constexpr std::string_view kSglang22 = "sglang:0.5.22", kSglang23 = "sglang:0.5.23";
inline constexpr std::string_view kPrefillStep = "prefill", kDecodeStep = "decode",
                                  kMixedStep = "mixed";

/// One cell of the sweep: everything that decides what runs, nothing about how it is timed. The
/// strategies that combine are rivals inside the cell, and no part of it.
struct Case {
    std::string model;
    std::int64_t hidden{};
    std::int64_t experts{};  ///< after scaling
    std::int64_t top_k{};
    std::int64_t intermediate{};
    std::int64_t shared_intermediate{};
    std::int64_t scale_experts{1};
    Scoring scoring{};
    bool shared_gate{};
    DType dtype{};
    std::int64_t dp{};
    std::int64_t ep{};
    std::string gather;
    std::string padding;  ///< sum_len, max_len, or a rule of SGLang's, which chooses
    std::string phase;    ///< for these rules and for mixed loads only
    std::string load;
    std::string routing;
    std::int64_t tokens{};
    std::string scope;
    std::string graph{"off"};  ///< on: every region is captured once and replayed
    std::int64_t layers{1};
    std::int64_t seed{};
    std::int64_t skew_us{};  ///< by which all ranks but one may be late for a sample
    std::int64_t sms{};      ///< that communication uses; 0: as many as the library chooses
};

/// The only list of a case's fields: the hash and the comparison of runs follow it.
template <class SomeCase, class Visit>
void for_each_field(SomeCase& one, Visit&& visit) {
    visit("model", one.model);
    visit("hidden", one.hidden);
    visit("experts", one.experts);
    visit("top_k", one.top_k);
    visit("intermediate", one.intermediate);
    visit("shared_intermediate", one.shared_intermediate);
    visit("scale_experts", one.scale_experts);
    visit("scoring", one.scoring);
    visit("shared_gate", one.shared_gate);
    visit("dtype", one.dtype);
    visit("dp", one.dp);
    visit("ep", one.ep);
    visit("gather", one.gather);
    visit("padding", one.padding);
    visit("phase", one.phase);
    visit("load", one.load);
    visit("routing", one.routing);
    visit("tokens", one.tokens);
    visit("scope", one.scope);
    // Of the cases there were before there were graphs, skew or a choice of SMs, the ids stay.
    if (one.graph != "off") visit("graph", one.graph);
    visit("layers", one.layers);
    visit("seed", one.seed);
    if (one.skew_us != 0) visit("skew_us", one.skew_us);
    if (one.sms != 0) visit("sms", one.sms);
}

/// Whether `padding` is one of SGLang's rules, which ask for the phase of the step.
[[nodiscard]] bool is_sglang(std::string_view padding);

/// 16 hex digits that depend on every field and on `where` (backend, ranks, hosts): the same inputs
/// have the same id in every run.
[[nodiscard]] std::string case_id(const Case& one, std::string_view where);

/// Every case of `cases` once for each value of one field, the values innermost.
template <class T>
[[nodiscard]] std::vector<Case> along(const std::vector<Case>& cases, T Case::*field,
                                      const std::vector<T>& values) {
    std::vector<Case> result;
    result.reserve(cases.size() * values.size());
    for (const auto& one : cases) {
        for (const auto& value : values) {
            result.push_back(one);
            result.back().*field = value;
        }
    }
    return result;
}

}  // namespace moe
