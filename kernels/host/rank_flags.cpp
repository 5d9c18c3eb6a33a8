#include "kernels/host/rank_flags.hpp"

#include <atomic>

namespace moe {
namespace {

/// Looks at a flag before a wait counts as long: some microseconds, which is what ranks that have a
/// core each are apart.
constexpr int kSpins = 4096;

}  // namespace

void RankFlags::barrier() const {
    const auto now = epoch() + 1;
    set_own(kEpoch, now);
    wait_for_all(now);
}

void RankFlags::begin_call() const {
    const auto before = epoch();
    set_own(kEpoch, before + 1);
    wait_for_all(before);
}

bool RankFlags::has_sent(int rank, std::uint32_t rows) const {
    return !is_behind(rank, kSent, rows);
}

void RankFlags::wait_for_sent(int rank, std::uint32_t rows) const {
    wait_for(rank, kSent, rows);
}

std::uint32_t& RankFlags::word(int rank, Word which) const {
    return table_.flags[static_cast<std::size_t>(rank)][which];
}

std::uint32_t RankFlags::own(Word which) const {
    return std::atomic_ref(word(table_.rank, which)).load(std::memory_order_relaxed);
}

void RankFlags::set_own(Word which, std::uint32_t value) const {
    std::atomic_ref(word(table_.rank, which)).store(value, std::memory_order_release);
}

bool RankFlags::is_behind(int rank, Word which, std::uint32_t value) const {
    const auto seen = std::atomic_ref(word(rank, which)).load(std::memory_order_acquire);
    return static_cast<std::int32_t>(seen - value) < 0;
}

void RankFlags::wait_for(int rank, Word which, std::uint32_t value) const {
    for (int spin = 0; is_behind(rank, which, value); ++spin) {
        if (spin >= kSpins) idle_();
    }
}

void RankFlags::wait_for_all(std::uint32_t epoch) const {
    for (int rank = 0; rank < table_.ranks(); ++rank) wait_for(rank, kEpoch, epoch);
}

}  // namespace moe
