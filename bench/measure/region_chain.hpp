#pragma once

#include "comm/communicator.hpp"
#include "kernels/runtime/device.hpp"

#include <functional>
#include <memory>
#include <string>
#include <vector>

namespace moe {

/// A region of a case as one graph repeats it, as a serving step does: launching a graph takes
/// microseconds that a step pays once and a graph of one short region would pay each time.
///
/// isolated: before each region the ranks' devices meet at a barrier, and the device records when
/// it begins and ends, so that each is a sample with a common start. Not isolated: one after the
/// other.
class RegionChain {
public:
    struct Parts {
        Device& device;
        Communicator& world;
        Stream& stream;
        int length{};
        bool isolated{};
    };
    /// Collective, captured on the stream. `prepare` enqueues what comes untimed before each
    /// region, `region` the region itself. Both have run eagerly before: what libraries do for the
    /// first time cannot be captured. An Error where this work cannot be captured.
    RegionChain(const Parts& parts, const std::function<void()>& prepare,
                const std::function<Matrix()>& region);

    void launch() { graph_->launch(stream_); }
    [[nodiscard]] int length() const { return length_; }
    /// Where the result of the last region is.
    [[nodiscard]] const Matrix& result() const { return result_; }
    /// Of each region of the last launch, once the stream was synchronized; none unless isolated.
    [[nodiscard]] std::vector<double> seconds() const;
    /// Likewise, of one: until `end`, which it recorded.
    [[nodiscard]] double seconds_until(std::size_t region, const Event& end) const {
        return end.seconds_since(*marks_[region].begin);
    }

    /// Regions in one graph: at least so many that launching it is small beside them, and one for
    /// each of `copies` copies of the weights, which take turns: a graph keeps the addresses that
    /// it was captured with.
    [[nodiscard]] static int length_for(int copies);
    /// Why so many copies of weights are too many; empty where they are not.
    [[nodiscard]] static std::string obstacle(int copies);

private:
    struct Marks {
        std::unique_ptr<Event> begin, end;
    };
    Stream& stream_;
    int length_;
    std::vector<Marks> marks_;
    Matrix result_;
    std::unique_ptr<Graph> graph_;
};

}  // namespace moe
