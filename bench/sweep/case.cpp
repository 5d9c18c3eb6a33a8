#include "bench/sweep/case.hpp"

#include <fmt/format.h>

namespace moe {
namespace {

/// FNV-1a, 64 bits: stable over machines and compilers, unlike std::hash.
std::uint64_t fnv1a(std::string_view text) {
    std::uint64_t hash = 0xcbf29ce484222325U;
    for (const char c : text) {
        hash = (hash ^ static_cast<unsigned char>(c)) * 0x100000001b3U;
    }
    return hash;
}

std::string to_text(const std::string& value) {
    return value;
}
std::string to_text(std::int64_t value) {
    return fmt::format("{}", value);
}
std::string to_text(bool value) {
    return value ? "true" : "false";
}
std::string to_text(DType value) {
    return std::string(to_string(value));
}
std::string to_text(Scoring value) {
    return std::string(to_string(value));
}

}  // namespace

bool is_sglang(std::string_view padding) {
    return padding == kSglang22 || padding == kSglang23;
}

std::string case_id(const Case& one, std::string_view where) {
    auto hashed = one;
    // Ids were published when this was the only rule.
    if (one.padding == kSglang22) hashed.padding = "sglang";
    std::string text(where);
    for_each_field(hashed, [&](std::string_view name, const auto& value) {
        text += fmt::format("\n{}={}", name, to_text(value));
    });
    return fmt::format("{:016x}", fnv1a(text));
}

}  // namespace moe
