#include "bench/case/beside_gemm.hpp"

#include <fmt/format.h>

#include <algorithm>
#include <array>
#include <string_view>

namespace moe {
namespace {

/// Kernels of the GEMM and of the local combine, and what orders two streams.
constexpr std::int64_t kLaunches = 8;
/// Places of a work's parts; the GEMM alone has the first only.
constexpr std::size_t kGemm = 0, kOutput = 1;
constexpr std::size_t kCandidates = 2;  ///< of each strategy

}  // namespace

std::optional<BesideSamples::Times> BesideSamples::of(const StrategyRun& strategy) const {
    const auto at = std::ranges::find(strategies, &strategy);
    if (at == strategies.end()) return std::nullopt;
    const auto beside = 1 + kCandidates * static_cast<std::size_t>(at - strategies.begin());
    const auto& parts = series.parts[beside];
    const auto& spread = series.arrival_spread;
    return Times{series.parts.front()[kGemm],
                 parts[kOutput],
                 parts[kGemm],
                 series.seconds[beside],
                 series.seconds[beside + 1],
                 {spread.front(), spread[beside], spread[beside + 1]}};
}

BesideGemm::BesideGemm(const Parts& parts, std::size_t out_bytes)
    : parts_(parts),
      out_(parts.device.allocate(out_bytes)),
      queue_(parts.device.make_side_queue()) {}

Matrix BesideGemm::run_output(StrategyRun& strategy) {
    Trace silent;
    return parts_.layer.output(strategy.output, parts_.stream, silent);
}

Matrix BesideGemm::enqueue(const Work& work, const Work::Ends& ends) {
    auto& stream = parts_.stream;
    auto& layer = parts_.layer;
    const auto rows = layer.expert_rows();
    const auto out = out_.matrix(rows.rows, rows.cols, rows.dtype);
    if (work.kind == Kind::in_turn) {
        layer.run_second_batch(out, 0, stream);
        return run_output(*work.strategy);
    }
    const auto spared_sms = work.kind == Kind::beside ? parts_.params.sms : 0;
    queue_->fork(stream, [&layer, &ends, out, spared_sms](Stream& side) {
        layer.run_second_batch(out, spared_sms, side);
        side.record(*ends.gemm);
    });
    Matrix result;
    if (work.kind == Kind::beside) {
        result = run_output(*work.strategy);
        stream.record(*ends.output);
    }
    queue_->join(stream);
    return result;
}

BesideGemm::Work& BesideGemm::work(Kind kind, StrategyRun* strategy) {
    const auto [at, is_new] = works_.try_emplace({kind, strategy}, Work{kind, strategy});
    auto& work = at->second;
    if (!is_new) return work;
    const auto& [params, device, world, stream, layer, flush] = parts_;
    const int regions = params.graph ? RegionChain::length_for(layer.copies()) : 1;
    for (int i = 0; i < regions; ++i) {
        work.ends.push_back({device.make_event(), device.make_event()});
    }
    if (!params.graph) return work;
    static_cast<void>(enqueue(work, work.ends.front()));  // what happens the first time only
    stream.synchronize();
    auto ends = work.ends.begin();
    work.chain =
        std::make_unique<RegionChain>(RegionChain::Parts{device, world, stream, regions, true},
                                      flush, [&] { return enqueue(work, *ends++); });
    return work;
}

void BesideGemm::capture(StrategyRun& strategy) {
    static_cast<void>(work(Kind::gemm_alone, nullptr));
    static_cast<void>(work(Kind::beside, &strategy));
    static_cast<void>(work(Kind::in_turn, &strategy));
}

Matrix BesideGemm::run(const Work& work) {
    if (!work.chain) return enqueue(work, work.ends.front());
    work.chain->launch();
    return work.chain->result();
}

std::string BesideGemm::check_gemm(StrategyRun& strategy) {
    auto& [params, device, world, stream, layer, flush] = parts_;
    const auto rows = layer.expert_rows();
    const auto out = out_.matrix(rows.rows, rows.cols, rows.dtype);
    device.fill_bytes(out, std::byte{0xff}, stream);
    static_cast<void>(run(work(Kind::beside, &strategy)));
    const auto valid = layer.valid_expert_rows();
    constexpr std::int64_t kRowsAtOnce = 4096;
    for (std::int64_t first = 0; first < valid; first += kRowsAtOnce) {
        const auto count = std::min(kRowsAtOnce, valid - first);
        const auto of_layer = rows.slice(first, count);
        std::vector<std::byte> wanted(of_layer.bytes());
        device.download(of_layer.data, wanted.data(), wanted.size());
        auto wrong = compare_bits(device, out.slice(first, count), wanted, first);
        if (!wrong.empty()) return "expert rows of the GEMM beside it: " + wrong;
    }
    return {};
}

std::string BesideGemm::check_output(CaseVerifier& verifier, StrategyRun& strategy) {
    const auto& beside = work(Kind::beside, &strategy);
    const auto wrong = verifier.check_output(
        strategy.output.input, [&] { return run(beside); }, true);
    return wrong.empty() ? "" : "beside the GEMM: " + wrong;
}

std::vector<Candidate> BesideGemm::candidates(std::span<StrategyRun* const> strategies,
                                              const Sampling& sampling) {
    auto& first = *strategies.front();
    std::vector<Candidate> all{candidate_of(work(Kind::gemm_alone, nullptr), first, sampling)};
    for (auto* strategy : strategies) {
        for (const auto kind : {Kind::beside, Kind::in_turn}) {
            all.push_back(candidate_of(work(kind, strategy), *strategy, sampling));
        }
    }
    return all;
}

Candidate BesideGemm::candidate_of(const Work& work, StrategyRun& warmed_up,
                                   const Sampling& sampling) {
    constexpr std::array<std::string_view, 3> kNames{"the GEMM alone", "beside the GEMM",
                                                     "after the GEMM"};
    const auto* strategy = work.strategy;
    const auto name =
        fmt::format("{}{}{}", strategy == nullptr ? "" : strategy->entry->name,
                    strategy == nullptr ? "" : " ", kNames[static_cast<std::size_t>(work.kind)]);
    Candidate timed{.warm_up = {}, .run = {}};
    timed.name = name;
    timed.slowdown = strategy == nullptr ? 0 : sampling.slowdown(*strategy);
    timed.warm_up = [this, name, &work, &warmed_up, set_phase = sampling.set_phase] {
        set_phase("measuring " + name);
        static_cast<void>(run_output(warmed_up));
        if (!work.chain) parts_.flush();
    };
    timed.run = [this, &work] { static_cast<void>(run(work)); };
    timed.launches = static_cast<int>(kLaunches + warmed_up.cost.launches);
    if (work.kind != Kind::in_turn) timed.parts = work.kind == Kind::beside ? 2 : 1;
    timed.part_seconds = [&work, &timer = sampling.timer] {
        std::vector<double> seconds;
        for (std::size_t region = 0; region < work.ends.size(); ++region) {
            const auto add = [&](const Event& end) {
                seconds.push_back(work.chain ? work.chain->seconds_until(region, end)
                                             : timer.seconds_until(end));
            };
            add(*work.ends[region].gemm);
            if (work.kind == Kind::beside) add(*work.ends[region].output);
        }
        return seconds;
    };
    if (!work.chain) return timed;
    timed.launches = 1;
    timed.regions = work.chain->length();
    timed.region_seconds = [&work] { return work.chain->seconds(); };
    return timed;
}

}  // namespace moe
