#pragma once

#include "kernels/runtime/peer_kernels.hpp"

#include <cstddef>
#include <cstdint>
#include <functional>

namespace moe {

/// Flags of a table on cores, as one of its ranks sees them: a line of each rank, which that rank
/// alone writes. What a rank wrote before it stored a word is seen by who finds the word there.
/// Words wrap around, and ranks are never so far apart that this could be mistaken. Waits spin, and
/// call `idle` when they become long.
class RankFlags {
public:
    /// Words of a rank: how often it has come, to barriers and to calls; and the rows that it has
    /// sent in all calls.
    static constexpr std::size_t kWords = 2;

    RankFlags(const PeerTable& table, const std::function<void()>& idle)
        : table_(table), idle_(idle) {}

    /// How often this rank has come.
    [[nodiscard]] std::uint32_t epoch() const { return own(kEpoch); }
    /// Waits until all have come.
    void barrier() const;
    /// Comes, and waits only until all others have come the time before: what they read in calls
    /// before that one may be overwritten.
    void begin_call() const;

    [[nodiscard]] std::uint32_t sent() const { return own(kSent); }
    void set_sent(std::uint32_t rows) const { set_own(kSent, rows); }
    [[nodiscard]] bool has_sent(int rank, std::uint32_t rows) const;
    void wait_for_sent(int rank, std::uint32_t rows) const;

private:
    enum Word : std::uint8_t { kEpoch, kSent };
    [[nodiscard]] std::uint32_t& word(int rank, Word which) const;
    [[nodiscard]] std::uint32_t own(Word which) const;
    void set_own(Word which, std::uint32_t value) const;
    [[nodiscard]] bool is_behind(int rank, Word which, std::uint32_t value) const;
    void wait_for(int rank, Word which, std::uint32_t value) const;
    void wait_for_all(std::uint32_t epoch) const;

    const PeerTable& table_;
    const std::function<void()>& idle_;
};

}  // namespace moe
