#include "bench/watch/heartbeat.hpp"

#include "bench/watch/sealed_memory.hpp"
#include "bench/watch/shared_text.hpp"
#include "comm/kernel_view.hpp"
#include "kernels/runtime/error.hpp"

#include <fmt/format.h>
#include <sys/mman.h>
#include <unistd.h>

#include <algorithm>
#include <atomic>
#include <cerrno>
#include <chrono>
#include <csignal>
#include <optional>

namespace moe {
namespace {

std::int64_t now_ns() {
    return std::chrono::steady_clock::now().time_since_epoch().count();
}

}  // namespace

struct Heartbeat::Slot {
    std::atomic<int> rank{}, pid{};
    std::atomic<std::uint64_t> steps{};
    std::atomic<std::int64_t> since{};
    std::atomic<bool> ended{};
    SharedText<kTextBytes> phase, case_label, failure, error;
};

struct Heartbeat::Shared {
    std::atomic<bool> reported{};
    // Followed by the slots.
    [[nodiscard]] Slot* slots() {
        return reinterpret_cast<Slot*>(reinterpret_cast<std::byte*>(this) + kSlotsAt);
    }
    static constexpr std::size_t kSlotsAt = 64;  // a cache line of its own
    [[nodiscard]] static std::size_t bytes(std::size_t slots) {
        return kSlotsAt + slots * sizeof(Slot);
    }
};

namespace {

/// Ranks for which this is the same may share a heartbeat: process ids and the monotonic clock mean
/// the same to them. The host's name is in it because messages name hosts.
std::string view_of(const std::string& host_name) {
    return fmt::format("{} {} {} {}", host_name, boot_id(), namespace_id("pid"),
                       namespace_id("time"));
}

/// Memory of this process alone where there is none to share.
std::byte* map(const SealedMemory& memory, std::size_t bytes) {
    const int flags = memory ? MAP_SHARED : MAP_SHARED | MAP_ANONYMOUS;
    void* mapped = mmap(nullptr, SealedMemory::kBegin + bytes, PROT_READ | PROT_WRITE, flags,
                        memory.file().get(), 0);
    MOE_EXPECT(mapped != MAP_FAILED, "no memory for the progress board");
    return static_cast<std::byte*>(mapped);
}

}  // namespace

Heartbeat::Heartbeat(Bootstrap& bootstrap) {
    const auto me = static_cast<std::size_t>(bootstrap.rank());
    const auto views = bootstrap.all_gather_strings(view_of(bootstrap.host_names()[me]));
    std::vector<std::size_t> members;
    for (std::size_t rank = 0; rank < views.size(); ++rank) {
        if (views[rank] == views[me]) members.push_back(rank);
    }
    slots_ = members.size();
    mine_ = static_cast<std::size_t>(std::ranges::find(members, me) - members.begin());

    const auto leader = members.front();
    auto memory = me == leader ? SealedMemory::make(Shared::bytes(slots_)) : SealedMemory();
    const auto paths = bootstrap.all_gather_strings(memory.offer().path);
    const auto nonces = bootstrap.all_gather_strings(memory.offer().nonce);
    if (me != leader) {
        memory = SealedMemory::find({paths[leader], nonces[leader]}, Shared::bytes(slots_));
    }
    const auto found = bootstrap.all_gather_strings(memory ? "found" : "");
    // A rank that cannot map the memory would look stuck to the others: then none shares it.
    if (std::ranges::any_of(members, [&](auto rank) { return found[rank].empty(); })) {
        memory = SealedMemory();
        slots_ = 1;
        mine_ = 0;
    }
    mapped_ = map(memory, Shared::bytes(slots_));
    shared_ = reinterpret_cast<Shared*>(mapped_ + SealedMemory::kBegin);

    // Zeros are what the members start with, so that no rank has to wait for another's constructor.
    auto& slot = my_slot();
    slot.rank = bootstrap.rank();
    slot.pid = getpid();
    set_phase("starting");
    bootstrap.barrier();
}

Heartbeat::~Heartbeat() {
    munmap(mapped_, SealedMemory::kBegin + Shared::bytes(slots_));
}

Heartbeat::Slot& Heartbeat::my_slot() const {
    return shared_->slots()[mine_];
}

void Heartbeat::begin_case(std::string_view label) {
    my_slot().case_label.write(label);
    set_phase("preparing");
}

void Heartbeat::set_phase(std::string_view phase) {
    auto& slot = my_slot();
    slot.phase.write(phase);
    advance();
    slot.steps.fetch_add(1, std::memory_order_relaxed);
}

void Heartbeat::advance() {
    my_slot().since.store(now_ns(), std::memory_order_relaxed);
}

void Heartbeat::fail(std::string_view why) {
    my_slot().failure.write(why);
}

void Heartbeat::set_error(std::string_view error) {
    my_slot().error.write(error);
}

void Heartbeat::leave() {
    my_slot().ended = true;
}

RankStatus Heartbeat::mine() const {
    return all()[mine_];
}

std::vector<RankStatus> Heartbeat::all() const {
    std::vector<RankStatus> statuses;
    for (std::size_t i = 0; i < slots_; ++i) {
        const auto& slot = shared_->slots()[i];
        statuses.push_back({slot.rank, slot.pid, slot.steps,
                            static_cast<double>(now_ns() - slot.since) * 1e-9, slot.phase.read(),
                            slot.case_label.read(), slot.failure.read(), slot.error.read(),
                            slot.ended});
    }
    return statuses;
}

double Heartbeat::seconds_since_progress() const {
    std::optional<std::int64_t> last;
    for (std::size_t i = 0; i < slots_; ++i) {
        const auto& slot = shared_->slots()[i];
        if (!slot.ended) last = std::max(last.value_or(slot.since), slot.since.load());
    }
    return last ? static_cast<double>(now_ns() - *last) * 1e-9 : 0;
}

bool Heartbeat::any_rank_died() const {
    for (std::size_t i = 0; i < slots_; ++i) {
        const auto& slot = shared_->slots()[i];
        if (!slot.ended && kill(slot.pid, 0) != 0 && errno == ESRCH) return true;
    }
    return false;
}

bool Heartbeat::claim_report() {
    return !shared_->reported.exchange(true);
}

bool Heartbeat::reported() const {
    return shared_->reported;
}

}  // namespace moe
