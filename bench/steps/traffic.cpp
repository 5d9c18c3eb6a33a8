#include "bench/steps/traffic.hpp"

#include <fmt/format.h>

#include <algorithm>
#include <cmath>
#include <cstddef>
#include <deque>
#include <random>
#include <vector>

namespace moe {
namespace {

constexpr int kSteps = 10'000;
/// Of a draft token, where those before it were accepted.
constexpr double kAccepted = 0.7;

/// Numbers that are the same with every standard library.
class Dice {
public:
    explicit Dice(std::int64_t seed) : random_(static_cast<std::uint64_t>(seed)) {}

    /// From 0 to less than 1.
    [[nodiscard]] double share() { return static_cast<double>(random_() >> 11U) * 0x1p-53; }
    /// From half of the mean to one and a half of it, each number alike; at least 1.
    [[nodiscard]] std::int64_t around(std::int64_t mean) {
        const auto value = static_cast<double>(mean) * (0.5 + share());
        return std::max<std::int64_t>(std::llround(value), 1);
    }

private:
    std::mt19937_64 random_;
};

struct Request {
    std::int64_t prefill{};  ///< tokens that are still to be prefilled
    std::int64_t answer{};   ///< tokens that are still to be generated
};

/// The requests of one DP rank.
struct Rank {
    std::deque<Request> waiting;   ///< the first may be prefilled in part
    std::vector<Request> running;  ///< in decode
};

/// All DP ranks, between two steps.
class Deployment {
public:
    Deployment(const Traffic& traffic, int dp, std::int64_t seed)
        : traffic_(traffic), dice_(seed), ranks_(static_cast<std::size_t>(dp)) {
        // As if it had run for long: every request is somewhere in its answer.
        for (std::int64_t i = 0; i < traffic.conc; ++i) {
            const auto left = static_cast<double>(dice_.around(traffic.osl)) * dice_.share();
            next_rank().running.push_back({0, std::max<std::int64_t>(std::llround(left), 1)});
        }
    }

    [[nodiscard]] Step step() {
        Step step;
        bool prefills = false, decodes = false;
        for (auto& rank : ranks_) {
            const bool prefill = !rank.waiting.empty();
            const auto tokens = prefill ? prefill_chunk(rank) : decode(rank);
            prefills |= prefill;
            decodes |= !prefill && tokens > 0;
            step.tokens.push_back(tokens);
        }
        step.phase = !prefills ? StepPhase::decode
                     : decodes ? StepPhase::mixed
                               : StepPhase::prefill;
        // New ones come when the step has ended.
        for (; ended_ > 0; --ended_) next_rank().waiting.push_back(new_request());
        return step;
    }

private:
    [[nodiscard]] Rank& next_rank() { return ranks_[next_++ % ranks_.size()]; }

    [[nodiscard]] Request new_request() {
        const auto prompt = static_cast<double>(dice_.around(traffic_.isl));
        const auto prefill = std::llround(prompt * (1 - traffic_.hit));
        return {std::max<std::int64_t>(prefill, 1), dice_.around(traffic_.osl)};
    }

    /// Tokens of as many prompts as the chunk holds. The last step of a prompt is the first token
    /// of its answer.
    [[nodiscard]] std::int64_t prefill_chunk(Rank& rank) {
        auto room = traffic_.chunk;
        while (room > 0 && !rank.waiting.empty()) {
            auto& request = rank.waiting.front();
            const auto tokens = std::min(room, request.prefill);
            room -= tokens;
            request.prefill -= tokens;
            if (request.prefill > 0) break;
            --request.answer;
            if (request.answer > 0) {
                rank.running.push_back(request);
            } else {
                ++ended_;
            }
            rank.waiting.pop_front();
        }
        return traffic_.chunk - room;
    }

    /// Tokens of all requests that decode, drafts included.
    [[nodiscard]] std::int64_t decode(Rank& rank) {
        const auto requests = static_cast<std::int64_t>(rank.running.size());
        for (auto& request : rank.running) request.answer -= 1 + accepted();
        ended_ += std::erase_if(rank.running, [](const Request& one) { return one.answer <= 0; });
        return requests * (1 + traffic_.spec);
    }

    [[nodiscard]] std::int64_t accepted() {
        std::int64_t tokens = 0;
        while (tokens < traffic_.spec && dice_.share() < kAccepted) ++tokens;
        return tokens;
    }

    const Traffic& traffic_;
    Dice dice_;
    std::vector<Rank> ranks_;
    std::size_t next_{};   ///< rank that gets the next request: they take turns
    std::size_t ended_{};  ///< requests, in this step
};

}  // namespace

StepFile synthesize_steps(const Traffic& traffic, int dp, std::int64_t seed,
                          const std::string& text) {
    StepFile file;
    file.source = fmt::format("synthetic traffic {}", text);
    file.dp = dp;
    Deployment deployment(traffic, dp, seed);
    for (int i = 0; i < kSteps; ++i) file.steps.push_back(deployment.step());
    return file;
}

}  // namespace moe
