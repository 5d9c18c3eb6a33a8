#pragma once

#include "bench/case/region.hpp"
#include "bench/case/verifier.hpp"
#include "bench/measure/region_timer.hpp"
#include "bench/measure/sampler.hpp"
#include "bench/moe/layer.hpp"
#include "bench/sweep/case.hpp"
#include "kernels/runtime/device.hpp"

#include <cstddef>
#include <functional>
#include <map>
#include <memory>
#include <optional>
#include <span>
#include <string>
#include <utility>
#include <vector>

namespace moe {

/// Samples of works of one case: of the GEMM alone, and for each strategy of its output step beside
/// the GEMM and after it.
struct BesideSamples {
    std::vector<const StrategyRun*> strategies;
    bool shares_core{};  ///< the GEMM has no core to itself on some rank
    Series series;       ///< candidate 0 is the GEMM alone, then come two for each strategy

    /// What a series holds of one strategy, sample by sample, in seconds.
    struct Times {
        std::span<const double> gemm_alone, output, gemm, together, in_turn;
        /// Between the first and the last rank's arrival.
        struct Spread {
            std::span<const double> gemm_alone, beside, in_turn;
        } spread;
    };
    /// Nothing for a strategy that was not timed.
    [[nodiscard]] std::optional<Times> of(const StrategyRun& strategy) const;
};

/// Two-batch overlap: while one batch is exchanged, the routed experts of the next one keep the
/// device busy on another queue. The second batch has the rows, the routing and the weights of the
/// case's own layer, as the halves of a split batch have nearly the same, and its results are its
/// own. SGLang overlaps so in prefill: a batch's combine runs while the other one's experts do, and
/// its GEMMs leave to the exchange as many multiprocessors as that was given
/// (python/sglang/srt/operations_strategy.py, deep_gemm_num_sms). So here: with --sms N the GEMM
/// beside leaves N to the exchange; by default it fills the device, as SGLang's does in decode. The
/// GEMM alone and the one in turn always fill it.
///
/// In eager samples the two are enqueued on two streams, in graphs they are two branches of one
/// graph, which is what capturing an engine's step gives. Both begin together; which of them gets
/// multiprocessors first is up to the device.
///
/// No hang. Exchanges wait for other ranks while they hold multiprocessors, and the GEMM's blocks
/// (grouped_gemm_sm90.cu: one on each) stay until there are no tiles left. Yet
/// * the GEMM waits for nothing but its inputs, which lie there before the fork, so that each of
///   its blocks ends, in a time of its own;
/// * of an exchange, block b waits for blocks b only, and blocks begin in the order of their
///   numbers; or its grid fits into an idle device at once (PeerBlocks, kernels/README.md);
/// so an exchange that cannot begin on one rank waits for GEMM blocks there, which wait for nobody.
/// Ranks that spin for it meanwhile are late by one GEMM at most, and keep no block from ending.
/// Waiting goes from exchanges to exchanges and GEMMs, and never back: there is no cycle.
class BesideGemm {
public:
    struct Parts {
        const Case& params;
        Device& device;
        Communicator& world;
        Stream& stream;
        MoeLayer& layer;
        std::function<void()> flush;  ///< enqueues what comes untimed before each region
    };
    /// `out_bytes`: see bytes(). OutOfMemory where there is no room.
    BesideGemm(const Parts& parts, std::size_t out_bytes);
    /// Bytes of device memory that this takes.
    [[nodiscard]] static std::size_t bytes(const LayerPlan& plan,
                                           const LayerKernelsFactory& kernels) {
        return MoeLayer::expert_rows_bytes(plan, kernels);
    }

    /// Collective. For a case about graphs: captures a strategy's works, and the GEMM alone. Expert
    /// rows are there, and the output step has run.
    void capture(StrategyRun& strategy);

    /// What is wrong with the GEMM's results on this rank, computed beside the strategy's output
    /// step, after run_experts(0): they are to be those of the layer, bit for bit.
    [[nodiscard]] std::string check_gemm(StrategyRun& strategy);
    /// Collective. What is wrong with the exchange beside the GEMM.
    [[nodiscard]] std::string check_output(CaseVerifier& verifier, StrategyRun& strategy);

    /// What has to be known of how strategies are sampled.
    struct Sampling {
        RegionTimer& timer;
        std::function<void(const std::string&)> set_phase;   ///< hears what is being measured
        std::function<double(const StrategyRun&)> slowdown;  ///< injected, see Candidate
    };
    /// In the order of BesideSamples, of at least one strategy; they live as long as this.
    [[nodiscard]] std::vector<Candidate> candidates(std::span<StrategyRun* const> strategies,
                                                    const Sampling& sampling);
    [[nodiscard]] bool shares_core() const { return queue_->shares_core(); }

private:
    enum class Kind : std::uint8_t { gemm_alone, beside, in_turn };
    /// One work of one strategy; the GEMM alone is of none.
    struct Work {
        Kind kind{};
        StrategyRun* strategy{};
        /// Of each region of its chain, or of the one that is eager: when its parts ended.
        struct Ends {
            std::unique_ptr<Event> gemm, output;
        };
        std::vector<Ends> ends{};
        std::unique_ptr<RegionChain> chain{};  ///< where the case is about graphs
    };
    /// Collective for a case about graphs.
    [[nodiscard]] Work& work(Kind kind, StrategyRun* strategy);
    /// Says where the result of the output step is, where there is one.
    Matrix enqueue(const Work& work, const Work::Ends& ends);
    Matrix run_output(StrategyRun& strategy);
    Matrix run(const Work& work);
    [[nodiscard]] Candidate candidate_of(const Work& work, StrategyRun& warmed_up,
                                         const Sampling& sampling);

    Parts parts_;
    Buffer out_;
    std::unique_ptr<SideQueue> queue_;
    std::map<std::pair<Kind, StrategyRun*>, Work> works_;
};

}  // namespace moe
