#pragma once

#include "kernels/runtime/device.hpp"
#include "kernels/runtime/trace.hpp"

#include <memory>
#include <span>
#include <string_view>
#include <vector>

namespace moe {

/// Times the phases of one step. Every event exists before the first step, so a phase costs two
/// event records and nothing else; nothing is read back until the stream has been synchronized.
class PhaseRecorder final : public Trace {
public:
    PhaseRecorder(Device& device, std::span<const std::string_view> phases);

    /// The moment that begins() and durations count from.
    void start(Stream& stream);
    void enter(std::string_view phase, Stream& stream) override;
    void leave(std::string_view phase, Stream& stream) override;

    /// Seconds from start() to where each phase began, and from its begin to its end, in the order
    /// of the constructor; a phase that did not happen in this step began and took 0.
    struct Times {
        double begin{};
        double duration{};
    };
    [[nodiscard]] std::vector<Times> times() const;

private:
    struct Slot {
        std::string_view name;
        std::unique_ptr<Event> begin;
        std::unique_ptr<Event> end;
        bool happened{};
    };
    [[nodiscard]] Slot& slot(std::string_view phase);

    std::unique_ptr<Event> start_;
    std::vector<Slot> slots_;
};

}  // namespace moe
