#pragma once

#include "bench/measure/sampler.hpp"
#include "bench/measure/timeline.hpp"
#include "comm/bootstrap.hpp"
#include "comm/communicator.hpp"
#include "comm/ring_traffic.hpp"

#include <cstddef>
#include <cstdint>
#include <map>
#include <memory>
#include <span>
#include <tuple>
#include <utility>

namespace moe {

/// What the links and the memory can do here for exchanges of a given size, taken by all ranks at
/// once with the rules that samples are taken by, once for each size and case. Of all runs so far
/// the fastest counts: these are peaks, which one busy moment must not lower.
class Calibration {
public:
    struct Parts {
        Device& device;
        Communicator& world;
        Bootstrap& bootstrap;
        Timeline& timeline;
    };
    /// Collective. Measures the barrier.
    explicit Calibration(const Parts& parts);

    /// From here on each size that is asked for is measured once more: in a chain inside a graph
    /// where the case's samples are, which hold less of a launch than those of single calls.
    void begin_case(bool chained) {
        ++case_;
        chained_ = chained;
    }
    /// Median seconds.
    [[nodiscard]] double barrier_seconds() const { return barrier_; }
    /// Collective. Bytes a second that each rank sends in a plain exchange of `bytes`, above 0, for
    /// each rank: in equal parts to all others, as an all_gather, or by peers that read or write
    /// where they reach each other, whichever is faster. Latency is part of it. For two ranks or
    /// more.
    [[nodiscard]] double link_bandwidth(std::int64_t bytes);
    /// Collective. Bytes a second that each rank reads and writes while it adds up as many parts of
    /// a matrix of `bytes`, above 0, as there are ranks; one rank alone copies it. The matrix was
    /// just written by the rank itself, as partial sums are.
    [[nodiscard]] double memory_bandwidth(std::int64_t bytes, DType dtype);
    /// Collective. The least seconds that `cost` takes with rows that are a matrix of
    /// `matrix_bytes`.
    [[nodiscard]] double limit(const Cost& cost, std::int64_t matrix_bytes, DType dtype);

    /// Bytes that one call of the above allocates at most, for a time; the rank's share.
    [[nodiscard]] static std::size_t bytes(const Device& device, const Communicator& world,
                                           std::int64_t link_bytes, std::int64_t matrix_bytes);

private:
    [[nodiscard]] Series sample(std::span<const Candidate> candidates, RegionTimer* timer);
    /// Seconds of the fastest run of any of them.
    [[nodiscard]] double fastest(std::span<const Candidate> candidates);
    [[nodiscard]] double fastest_in_chains(std::span<const Candidate> candidates);
    struct Peak {
        double bandwidth{};
        int measured_in{};  ///< the case
    };
    /// Raises the peak to what the fastest of `candidates` reaches with `bytes`, and returns it.
    double update(Peak& peak, std::int64_t bytes, std::span<const Candidate> candidates);

    Parts parts_;
    std::unique_ptr<Stream> stream_;
    RegionTimer timer_;
    double barrier_{};
    int case_{1};
    bool chained_{};
    /// By bytes, in chains or not.
    std::map<std::pair<std::int64_t, bool>, Peak> link_;
    std::map<std::tuple<std::int64_t, DType, bool>, Peak> memory_;
};

}  // namespace moe
