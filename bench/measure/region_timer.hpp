#pragma once

#include "bench/measure/timeline.hpp"
#include "kernels/runtime/device.hpp"

#include <functional>
#include <memory>
#include <string>
#include <vector>

namespace moe {

/// One rank's part in a sample, in seconds on the common time line.
struct Stamp {
    double arrival{};
    double exit{};
};

/// Runs a region that all ranks begin together, and says when this rank began and ended.
///
/// Where a device works while the host goes on, the region is enqueued behind a closed gate, all
/// ranks open theirs at the common start, and events tell how long the device took from there: a
/// host's barrier cannot align kernels of five microseconds, and what enqueueing takes is hidden as
/// it is in a server that enqueues ahead. Else the host's clock does, from the common start on.
class RegionTimer {
public:
    RegionTimer(Device& device, Timeline& timeline, Stream& stream);

    /// Whether a region that enqueues so many launches is timed by the device: they have to fit
    /// into its queue, since the host would wait for room behind a closed gate forever.
    [[nodiscard]] bool by_device(int launches) const;
    /// Collective. `region` enqueues on the stream, which is idle. What it does for the first time
    /// (loading code, making connections) may wait for the device, so a first run is not for here.
    /// A profiler sees it under `name`. After the common start this rank waits for `delay` seconds
    /// on the device before it begins: its arrival is that much later.
    [[nodiscard]] Stamp time(const std::string& name, const std::function<void()>& region,
                             bool by_device, double delay = 0);
    /// Collective. `run` enqueues regions that each have a common start of their own, on the
    /// device; `seconds` says afterwards how long each took there.
    [[nodiscard]] std::vector<Stamp> time_each(const std::string& name,
                                               const std::function<void()>& run,
                                               const std::function<std::vector<double>()>& seconds);
    /// Of the region that was timed last: seconds from its begin until `end`, which it recorded.
    [[nodiscard]] double seconds_until(const Event& end) const {
        return end.seconds_since(*begin_);
    }
    /// What a moment may be off by, in seconds: of the host's clock, or of the device's events.
    [[nodiscard]] double overhead(bool by_device) const;

private:
    Device& device_;
    Timeline& timeline_;
    Stream& stream_;
    std::unique_ptr<StreamGate> gate_;
    std::unique_ptr<Event> opened_, begin_, end_;
    bool has_delayed_{};
};

}  // namespace moe
