#pragma once

#include <cstdint>
#include <string>
#include <string_view>

namespace moe {

struct Options;

/// The groups of --help.
enum class OptionGroup : std::uint8_t {
    layer,
    topology,
    step,
    strategies,
    measurement,
    run,      ///< where results go, how the run is watched, which of several it is
    instead,  ///< of a run
};

/// A flag that stands for an option with a text.
struct Shorthand {
    const char* flag{};
    const char* text{};
};

/// One option of the command line.
struct OptionEntry {
    const char* name;
    OptionGroup group{};
    const char* initial{};  ///< text where the user gives none; null: a flag
    const char* help{};
    /// Sets the options from the text; not called for a flag that was not given, nor where the text
    /// and `initial` are empty. A BadArgument for a text that has no meaning. Null: no sweep
    /// follows.
    void (*read)(std::string_view name, const std::string& text, Options& options){};
    Shorthand shorthand{};

    [[nodiscard]] bool is_flag() const { return initial == nullptr; }
    /// Whether results of runs that differ in it do not belong together.
    [[nodiscard]] bool is_setting() const { return group < OptionGroup::run; }
};

}  // namespace moe
