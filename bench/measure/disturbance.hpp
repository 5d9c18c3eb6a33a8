#pragma once

#include <cstdint>
#include <filesystem>
#include <optional>

namespace moe {

/// Above this share of the time others are said to have disturbed a measurement: what a rank waits
/// on a machine of its own is below a hundredth.
constexpr double kDisturbed = 0.05;

/// Measures how long the calling thread was runnable without a processor since this was made: time
/// that another thread took (the kernel's run_delay) or, inside a virtual machine, another machine
/// (steal, in ticks of 10 ms).
class Disturbance {
public:
    /// `proc`: another folder for tests.
    explicit Disturbance(std::filesystem::path proc = "/proc");
    /// Of the time until now, 0 to 1; nothing where the kernel does not tell.
    [[nodiscard]] std::optional<double> share() const;

private:
    /// Seconds since some moment.
    struct Reading {
        double at, waited, stolen;
    };
    [[nodiscard]] std::optional<Reading> read() const;

    std::filesystem::path proc_;
    std::optional<Reading> start_;
};

}  // namespace moe
