#include "bench/measure/phase_recorder.hpp"

#include <fmt/format.h>

namespace moe {

PhaseRecorder::PhaseRecorder(Device& device, std::span<const std::string_view> phases)
    : start_(device.make_event()) {
    for (const auto name : phases) {
        slots_.push_back({name, device.make_event(), device.make_event(), false});
    }
}

void PhaseRecorder::start(Stream& stream) {
    for (auto& slot : slots_) slot.happened = false;
    stream.record(*start_);
}

void PhaseRecorder::enter(std::string_view phase, Stream& stream) {
    stream.record(*slot(phase).begin);
}

void PhaseRecorder::leave(std::string_view phase, Stream& stream) {
    auto& at = slot(phase);
    at.happened = true;
    stream.record(*at.end);
}

std::vector<PhaseRecorder::Times> PhaseRecorder::times() const {
    std::vector<Times> times;
    for (const auto& slot : slots_) {
        if (!slot.happened) {
            times.push_back({});
            continue;
        }
        times.push_back({slot.begin->seconds_since(*start_), slot.end->seconds_since(*slot.begin)});
    }
    return times;
}

PhaseRecorder::Slot& PhaseRecorder::slot(std::string_view phase) {
    for (auto& slot : slots_) {
        if (slot.name == phase) return slot;
    }
    raise(MOE_SITE("phase"), fmt::format("a phase '{}' that was not announced", phase));
}

}  // namespace moe
