#include "bench/steps/step_header.hpp"

#include "bench/steps/whole_number.hpp"
#include "bench/sweep/option_values.hpp"
#include "kernels/runtime/error.hpp"

#include <fmt/format.h>

#include <algorithm>
#include <array>
#include <string>

namespace moe {
namespace {

/// Sizes of a deployment, by the names that they have in a comment.
struct Size {
    std::string_view name;
    std::optional<std::int64_t> StepFile::*member;
};
constexpr std::array kSizes{Size{"dp", &StepFile::dp}, Size{"tp", &StepFile::tp},
                            Size{"ep", &StepFile::ep}, Size{"attn_tp", &StepFile::attn_tp}};
constexpr Limits kRanks{1, 1 << 20};

constexpr std::array kRoles{
    Word<std::optional<StepPhase>>{"prefill", StepPhase::prefill},
    Word<std::optional<StepPhase>>{"decode", StepPhase::decode},
    Word<std::optional<StepPhase>>{"both", std::nullopt},
};

/// What engines call an exchange that is none of all to all.
constexpr std::array<std::string_view, 2> kNoAllToAll{"none", "allgather_reducescatter"};

void read_pair(std::string_view key, std::string_view value, StepFile& file) {
    const auto* const size = std::ranges::find(kSizes, key, &Size::name);
    if (size != kSizes.end()) {
        if (!value.empty()) file.*(size->member) = parse_whole_number(key, value, kRanks);
    } else if (key == "role") {
        if (!value.empty()) file.role = parse_word(key, value, kRoles);
    } else if (key == "all_to_all") {
        const bool none = std::ranges::find(kNoAllToAll, value) != kNoAllToAll.end();
        if (!none) file.all_to_all = value;
    } else {
        throw BadArgument(fmt::format(
            "'{}={}': a comment has dp, tp, ep, attn_tp, role and all_to_all", key, value));
    }
}

}  // namespace

void read_step_comment(std::string_view comment, StepFile& file) {
    while (!comment.empty()) {
        const auto end = std::min(comment.find(' '), comment.size());
        const auto word = comment.substr(0, end);
        const auto equals = word.find('=');
        if (equals != std::string_view::npos) {
            read_pair(word.substr(0, equals), word.substr(equals + 1), file);
        }
        comment.remove_prefix(std::min(end + 1, comment.size()));
    }
}

void check_deployment(const StepFile& file) {
    if (!file.dp) return;
    if (file.tp && *file.tp % *file.dp != 0) {
        throw BadArgument(fmt::format("dp={} does not divide tp={}", *file.dp, *file.tp));
    }
    if (file.tp && file.attn_tp && *file.attn_tp != *file.tp / *file.dp) {
        throw BadArgument(
            fmt::format("attn_tp={} is not tp/dp, {}/{}", *file.attn_tp, *file.tp, *file.dp));
    }
}

}  // namespace moe
