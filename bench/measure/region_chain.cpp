#include "bench/measure/region_chain.hpp"

#include <fmt/format.h>

#include <algorithm>

namespace moe {

RegionChain::RegionChain(const Parts& parts, const std::function<void()>& prepare,
                         const std::function<Matrix()>& region)
    : stream_(parts.stream), length_(parts.length) {
    if (parts.isolated) {
        parts.world.barrier(stream_);  // the first one is not for a capture
        stream_.synchronize();
        for (int i = 0; i < length_; ++i) {
            marks_.push_back({parts.device.make_event(), parts.device.make_event()});
        }
    }
    graph_ = stream_.capture([&] {
        for (int i = 0; i < length_; ++i) {
            prepare();
            if (!parts.isolated) {
                result_ = region();
                continue;
            }
            const auto& [begin, end] = marks_[static_cast<std::size_t>(i)];
            parts.world.barrier(stream_);
            stream_.record(*begin);
            result_ = region();
            stream_.record(*end);
        }
    });
}

std::vector<double> RegionChain::seconds() const {
    std::vector<double> all;
    all.reserve(marks_.size());
    for (const auto& [begin, end] : marks_) all.push_back(end->seconds_since(*begin));
    return all;
}

int RegionChain::length_for(int copies) {
    constexpr int kShortest = 8;
    return std::max(kShortest, copies);
}

std::string RegionChain::obstacle(int copies) {
    constexpr int kMax = 64;
    if (copies <= kMax) return {};
    return fmt::format(
        "CUDA graphs: the experts' weights are so small that {} copies keep them cold, each at a "
        "place of its own in a graph; at most {} are possible",
        copies, kMax);
}

}  // namespace moe
