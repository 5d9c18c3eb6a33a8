#pragma once

#include <cstddef>
#include <string>

namespace moe {

/// A time for people: 12 s, 3 min 05 s, 2 h 10 min.
[[nodiscard]] std::string duration_text(double seconds);

/// How far the sweep is and how long it will take, on stderr. A bar on a terminal, else a line for
/// each case.
class Progress {
public:
    enum class Style { none, plain, bar };
    /// `expected_seconds` for each case, until the first cases have shown how long they take.
    Progress(Style style, std::size_t cases, double expected_seconds);
    ~Progress();
    Progress(const Progress&) = delete;
    Progress& operator=(const Progress&) = delete;

    void begin(std::size_t index, std::string label);
    /// `share` of the case that is done, between 0 and 1.
    void update(double share);
    /// Takes the bar away, so that something else can be printed.
    void clear();

private:
    [[nodiscard]] std::string time_left(double share) const;

    Style style_;
    std::size_t cases_;
    double expected_;
    double started_;
    double drawn_{};
    std::size_t index_{};
    std::string label_;
};

}  // namespace moe
