#include "comm/combine/weighted_layout.hpp"

namespace moe {
namespace {

constexpr std::size_t kLine = 64;

/// Where the array after one of `count` elements begins.
template <class T>
std::size_t after(std::size_t begin, std::int64_t count) {
    const auto end = begin + static_cast<std::size_t>(count) * sizeof(T);
    return (end + kLine - 1) / kLine * kLine;
}

}  // namespace

WeightedLayout::Arrays WeightedLayout::arrays() const {
    Arrays at{};
    at.offsets = after<std::byte>(0, static_cast<std::int64_t>(expert_rows(nullptr).bytes()));
    at.indices = after<std::int32_t>(at.offsets, rows + 1);
    at.weights = after<std::int32_t>(at.indices, entries);
    at.end = after<float>(at.weights, entries);
    return at;
}

CombineInput WeightedLayout::at(std::byte* block, PeerMemory* memory) const {
    const auto places = arrays();
    const auto words = [&](std::size_t place) {
        return reinterpret_cast<std::int32_t*>(block + place);
    };
    return {.rows = expert_rows(block),
            .weights = {rows, words(places.offsets), words(places.indices),
                        reinterpret_cast<float*>(block + places.weights)},
            .memory = memory};
}

std::vector<std::int32_t> downloaded_offsets(Device& device, const WeightedRows& rows) {
    std::vector<std::int32_t> offsets(static_cast<std::size_t>(rows.rows) + 1);
    device.download(reinterpret_cast<const std::byte*>(rows.offsets),
                    reinterpret_cast<std::byte*>(offsets.data()),
                    offsets.size() * sizeof offsets.front());
    return offsets;
}

}  // namespace moe
