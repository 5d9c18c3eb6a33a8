#pragma once

#include "bench/sweep/case.hpp"

#include <cstdint>
#include <string>
#include <string_view>
#include <vector>

namespace moe {

// Texts of options as the values that cases have. A BadArgument that names the option, what was
// seen and what there is for any other text.
[[nodiscard]] std::vector<const ModelPreset*> parse_models(std::string_view option,
                                                           const std::string& text);
[[nodiscard]] Scoring parse_scoring(std::string_view option, const std::string& text);
[[nodiscard]] std::vector<DType> parse_dtypes(std::string_view option, const std::string& text);
/// `all` is every gather of this build.
[[nodiscard]] std::vector<const GatherEntry*> parse_gathers(std::string_view option,
                                                            const std::string& text);
/// off, on, or both.
[[nodiscard]] std::vector<bool> parse_graphs(std::string_view option, const std::string& text);
[[nodiscard]] std::vector<Cache> parse_caches(std::string_view option, const std::string& text);
[[nodiscard]] std::vector<Epilogue> parse_epilogues(std::string_view option,
                                                    const std::string& text);
[[nodiscard]] std::vector<Beside> parse_besides(std::string_view option, const std::string& text);
[[nodiscard]] std::vector<PaddingRule> parse_paddings(std::string_view option,
                                                      const std::string& text);
[[nodiscard]] StepPhase parse_phase(std::string_view option, std::string_view text);
[[nodiscard]] std::vector<StepPhase> parse_phases(std::string_view option, const std::string& text);
/// Exponents of the experts' popularity.
[[nodiscard]] std::vector<double> parse_routings(std::string_view option, const std::string& text);
[[nodiscard]] std::vector<Load> parse_loads(std::string_view option, const std::string& text);
[[nodiscard]] Scope parse_scope(std::string_view option, const std::string& text);

}  // namespace moe
