#include "comm/nccl/nccl.hpp"

#include <fmt/format.h>

#include <cstdlib>

namespace moe::nccl {

void check(ncclResult_t status, const char* file, int line, const char* expression) {
    if (status == ncclSuccess) return;
    const auto* detail = ncclGetLastError(nullptr);
    raise_refusal({file, line, expression}, fmt::format("NCCL: {} ({})", ncclGetErrorString(status),
                                                        detail == nullptr ? "" : detail));
}

int version() {
    int number = 0;
    MOE_NCCL(ncclGetVersion(&number));
    return number;
}

std::string version_text(int version) {
    return fmt::format("{}.{}.{}", version / 10000, version / 100 % 100, version % 100);
}

std::string version_warning(int built_against, int loaded) {
    if (built_against == loaded) return {};
    return fmt::format(
        "built against NCCL {} and running with {}: what only one of them has may be missing; "
        "build anew (cmake -U 'NCCL_*'), or mend LD_LIBRARY_PATH",
        version_text(built_against), version_text(loaded));
}

CtaVariables cta_variables() {
    const auto read = [](const char* name) -> std::int64_t {
        // NOLINTNEXTLINE(concurrency-mt-unsafe): only the main thread sets variables
        const char* text = std::getenv(name);
        return text == nullptr ? 0 : std::strtoll(text, nullptr, 0);  // as NCCL reads it
    };
    return {.min_ctas = read("NCCL_MIN_CTAS"), .max_ctas = read("NCCL_MAX_CTAS")};
}

std::string ctas_obstacle(std::int64_t ctas, std::span<const CtaVariables> of_ranks) {
    constexpr std::int64_t kMaxCtas = 64;  // a channel each, and NCCL has so many
    if (ctas > kMaxCtas) return fmt::format("NCCL uses at most {} CTAs, not {}", kMaxCtas, ctas);
    const auto obstacle = [ctas](const char* name, std::int64_t set) {
        if (set <= 0 || set == ctas) return std::string{};
        return fmt::format("{}={} is set, which NCCL takes in place of {} CTAs", name, set, ctas);
    };
    for (const auto& [min_ctas, max_ctas] : of_ranks) {
        auto why = obstacle("NCCL_MAX_CTAS", max_ctas);
        if (why.empty()) why = obstacle("NCCL_MIN_CTAS", min_ctas);
        if (!why.empty()) return why;
    }
    return {};
}

ncclDataType_t type_of(DType dtype) {
    switch (dtype) {
        case DType::f32:
            return ncclFloat32;
        case DType::bf16:
            return ncclBfloat16;
        case DType::f16:
            return ncclFloat16;
    }
    raise(MOE_SITE("dtype"), "NCCL has no such type");
}

Group::Group() {
    MOE_NCCL(ncclGroupStart());
}

void Group::close() {
    closed_ = true;
    MOE_NCCL(ncclGroupEnd());
}

}  // namespace moe::nccl
