#pragma once

#include "comm/bootstrap.hpp"

#include <cstdint>
#include <memory>
#include <string>
#include <string_view>
#include <vector>

namespace moe {

/// What one rank was doing when its status was read.
struct RankStatus {
    int rank{};
    int pid{};
    std::uint64_t steps{};  ///< phases begun: equal on ranks that work in step
    double seconds{};       ///< since it last began one, or advanced
    std::string phase;
    std::string case_label;  ///< empty before the first case
    std::string failure;     ///< why it gave up, as it has printed; empty if it did not
    std::string error;       ///< secondary failure, perhaps because of another rank; or empty
    bool ended{};            ///< it left of its own accord
};

/// The status of every rank of one host, in memory that all of them map: a rank that is left can
/// report where the others are stuck or died, without a message from them. An update copies a few
/// words.
class Heartbeat {
public:
    /// Collective. Ranks of one host that do not share process ids and a clock (containers of their
    /// own), or cannot reach each other's memory, see only themselves.
    explicit Heartbeat(Bootstrap& bootstrap);
    ~Heartbeat();
    Heartbeat(const Heartbeat&) = delete;
    Heartbeat& operator=(const Heartbeat&) = delete;

    // By this rank's main thread. Texts longer than kTextBytes are cut.
    void begin_case(std::string_view label);
    void set_phase(std::string_view phase);
    /// Reports progress within a phase: for long loops, costs two loads and a store.
    void advance();
    /// Records why this rank gives up, which it prints itself, before another rank can notice.
    void fail(std::string_view why);

    // By the watchdog, from any thread.
    void leave();
    void set_error(std::string_view error);
    [[nodiscard]] RankStatus mine() const;
    /// Every rank of this host that can be seen, in rank order.
    [[nodiscard]] std::vector<RankStatus> all() const;
    /// Seconds since the last progress of any rank of this host: while one advances, the others
    /// wait for it. 0 when all have left.
    [[nodiscard]] double seconds_since_progress() const;
    /// Whether a rank of this host ended without leave(). One system call a rank.
    [[nodiscard]] bool any_rank_died() const;
    /// True for one caller on this host, once: the one that reports to the user.
    [[nodiscard]] bool claim_report();
    [[nodiscard]] bool reported() const;

    static constexpr std::size_t kTextBytes = 232;

private:
    struct Slot;
    struct Shared;
    [[nodiscard]] Slot& my_slot() const;

    std::size_t slots_{};
    std::size_t mine_{};
    std::byte* mapped_{};
    Shared* shared_{};  ///< within it
};

}  // namespace moe
