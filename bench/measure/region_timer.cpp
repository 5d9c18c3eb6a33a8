#include "bench/measure/region_timer.hpp"

#include <algorithm>

namespace moe {
namespace {

/// CUDA's queue holds 1024 launches, and a collective may be more than one.
constexpr int kMaxLaunches = 512;
/// Resolution that CUDA documents for its events.
constexpr double kEventSeconds = 0.5e-6;

}  // namespace

RegionTimer::RegionTimer(Device& device, Timeline& timeline, Stream& stream)
    : device_(device),
      timeline_(timeline),
      stream_(stream),
      gate_(device.make_stream_gate()),
      opened_(device.make_event()),
      begin_(device.make_event()),
      end_(device.make_event()) {}

bool RegionTimer::by_device(int launches) const {
    return gate_ != nullptr && launches <= kMaxLaunches;
}

double RegionTimer::overhead(bool by_device) const {
    return by_device ? std::max(kEventSeconds, timeline_.timer().overhead)
                     : timeline_.timer().overhead;
}

Stamp RegionTimer::time(const std::string& name, const std::function<void()>& region,
                        bool by_device, double delay) {
    const ProfilerRange range(device_, name);
    if (!by_device) {
        timeline_.wait_for_common_start();
        if (delay > 0) {
            device_.delay(delay, stream_);
            stream_.synchronize();
        }
        stream_.record(*begin_);
        const double arrival = timeline_.now();
        region();
        stream_.synchronize();
        return {arrival, timeline_.now()};
    }
    if (delay > 0 && !has_delayed_) {  // its code is loaded before the gate closes
        device_.delay(0, stream_);
        stream_.synchronize();
        has_delayed_ = true;
    }
    gate_->close(stream_);
    if (delay > 0) {
        stream_.record(*opened_);
        device_.delay(delay, stream_);
    }
    stream_.record(*begin_);
    region();
    stream_.record(*end_);
    timeline_.wait_for_common_start();
    double arrival = timeline_.now();
    gate_->open();
    stream_.synchronize();
    if (delay > 0) arrival += begin_->seconds_since(*opened_);
    return {arrival, arrival + end_->seconds_since(*begin_)};
}

std::vector<Stamp> RegionTimer::time_each(const std::string& name, const std::function<void()>& run,
                                          const std::function<std::vector<double>()>& seconds) {
    const ProfilerRange range(device_, name);
    timeline_.wait_for_common_start();
    const double arrival = timeline_.now();
    run();
    stream_.synchronize();
    std::vector<Stamp> stamps;
    for (const double taken : seconds()) stamps.push_back({arrival, arrival + taken});
    return stamps;
}

}  // namespace moe
