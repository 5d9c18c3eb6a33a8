#pragma once

#include "comm/bootstrap.hpp"

#include <cstdint>
#include <memory>
#include <string>
#include <string_view>
#include <vector>

namespace moe {

/// What one rank was doing when somebody looked.
struct RankView {
    int rank{};
    int pid{};
    std::uint64_t steps{};  ///< how often it said something; ranks that work in step have as many
    double seconds{};       ///< since it last did, or advanced
    std::string doing;
    std::string cell;     ///< which case of the sweep; empty before the first
    std::string failure;  ///< why it gave up, as it has said; empty if it did not
    std::string symptom;  ///< what it suffers from, perhaps because of another rank; or empty
    bool ended{};         ///< it left of its own accord
};

/// What every rank of one host is doing, in memory that all of them map: whoever is left can say
/// where the others are stuck or died, without a message from them. Writing costs a copy of a few
/// words.
class ProgressBoard {
public:
    /// Collective. Ranks of one host that do not share process ids and a clock (containers of their
    /// own), or cannot reach each other's memory, see only themselves.
    explicit ProgressBoard(Bootstrap& bootstrap);
    ~ProgressBoard();
    ProgressBoard(const ProgressBoard&) = delete;
    ProgressBoard& operator=(const ProgressBoard&) = delete;

    // By this rank's main thread. Texts longer than kTextBytes are cut.
    void begin_case(std::string_view label);
    void enter(std::string_view doing);
    /// What this rank is doing advances: for long loops, costs two loads and a store.
    void advance();
    /// Why this rank gives up, which it says itself; before anybody else can notice.
    void fail(std::string_view why);

    // By the watchdog, from any thread.
    void leave();
    void suffer(std::string_view symptom);
    [[nodiscard]] RankView mine() const;
    /// Every rank of this host that can be seen, in rank order.
    [[nodiscard]] std::vector<RankView> all() const;
    /// Seconds since any rank of this host said something: while one advances, the others wait for
    /// it. 0 when all have left.
    [[nodiscard]] double silence() const;
    /// Whether a process of this host that did not leave is no more. One system call a rank.
    [[nodiscard]] bool somebody_died() const;
    /// True for one caller on this host, once: the one that tells the user.
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
