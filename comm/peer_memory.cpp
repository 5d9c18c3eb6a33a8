#include "comm/peer_memory.hpp"

#include <algorithm>
#include <exception>
#include <utility>

namespace moe {

std::string_view to_string(Reach reach) {
    return reach == Reach::library ? "library" : "load_store";
}

void FreePeerMemory::operator()(PeerMemory* memory) const noexcept {
    const bool unwinding = std::uncaught_exceptions() > 0;
    if (owner_ == nullptr) {
        if (!unwinding) delete memory;
        return;
    }
    const auto owned = owner_->find(memory);
    if (unwinding) {
        owned->unwound = true;
    } else {
        owner_->owned_.erase(owned);
    }
}

PeerMemoryOwner::~PeerMemoryOwner() {
    for (auto& owned : owned_) static_cast<void>(owned.memory.release());
}

UniquePeerMemory PeerMemoryOwner::own(std::unique_ptr<PeerMemory> memory) {
    auto* raw = memory.get();
    owned_.push_back({std::move(memory)});
    return UniquePeerMemory(raw, FreePeerMemory(*this));
}

void PeerMemoryOwner::free_unwound() {
    std::erase_if(owned_, [](const Owned& owned) { return owned.unwound; });
}

std::vector<PeerMemoryOwner::Owned>::iterator PeerMemoryOwner::find(const PeerMemory* memory) {
    return std::ranges::find_if(owned_,
                                [&](const Owned& owned) { return owned.memory.get() == memory; });
}

}  // namespace moe
