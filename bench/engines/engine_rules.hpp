#pragma once

#include "bench/engines/captured_sizes.hpp"
#include "bench/engines/choice.hpp"
#include "bench/engines/padding.hpp"

#include <cstdint>
#include <map>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

namespace moe {

/// What a topology must be for an engine's reduce_scatter(v) between all ranks.
enum class GateCondition : std::uint8_t { several_dp_ranks, ep_is_dp, every_rank_is_dp };

/// The strategies of a step, by name, for each value of the flag that chooses the combine.
struct EngineFlag {
    std::string name;           ///< --boundary-reduction
    std::string default_value;  ///< what most models run without the flag
    Choices<std::string> gather;
    std::map<std::string, Choices<std::string>> combine;  ///< by value
    std::string deterministic;  ///< the combine of its deterministic mode; empty: no other
};

/// Bytes up to which an engine's own all-reduce runs each of its forms, the first that fits; above,
/// the library does.
struct AllReduceLimits {
    std::int64_t push{}, one_shot{}, two_shot{};
};
struct OwnAllReduce {
    std::int64_t largest{};  ///< bytes above which the library runs, whatever the form's limit
    struct Limits {
        AllReduceLimits captured, eager;
    };
    std::map<int, Limits> by_ranks;
};

/// What one release of a serving engine does, as its file in this folder says, which names the
/// sources. What could not be confirmed there is empty.
struct EngineRules {
    std::string engine;        ///< sglang
    std::string name;          ///< sglang-0.5.23; the engine alone where no release was read
    std::string padding_name;  ///< sglang:0.5.23, as --padding has it
    std::optional<std::vector<GateCondition>> gate;
    std::optional<Choices<Padding>> padding;
    std::optional<CapturedSizes> graphs;
    std::optional<EngineFlag> flag;
    std::optional<OwnAllReduce> all_reduce;
    std::optional<std::map<std::string, std::string>> nccl;  ///< variables that it sets
};

/// The rules of all files, those of one engine by version, oldest first. They are part of the
/// program and live as long as it does.
[[nodiscard]] const std::vector<EngineRules>& engine_rules();

/// The rules with this name, or the newest of this engine; otherwise a BadArgument that says what
/// there is.
[[nodiscard]] const EngineRules& find_engine_rules(std::string_view name);

/// Whether no later release of its engine has a file.
[[nodiscard]] bool is_newest(const EngineRules& rules);

}  // namespace moe
