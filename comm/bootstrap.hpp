#pragma once

#include <span>
#include <string>
#include <vector>

namespace moe {

/// What ranks say to each other about the work, never the work itself: small, on the host,
/// blocking. Every decision of how often to run, to skip or to stop is taken once, here, for all
/// ranks. All calls but the point-to-point ones are collective.
class Bootstrap {
public:
    virtual ~Bootstrap() = default;
    [[nodiscard]] virtual int rank() const = 0;
    [[nodiscard]] virtual int size() const = 0;
    /// Host name of every rank, in rank order; the same on all ranks.
    [[nodiscard]] virtual const std::vector<std::string>& host_names() const = 0;

    virtual void barrier() = 0;
    [[nodiscard]] virtual double max(double value) = 0;
    [[nodiscard]] virtual double sum(double value) = 0;
    /// Rank 0 receives size() runs of values.size() numbers in rank order; others nothing.
    [[nodiscard]] virtual std::vector<double> gather(std::span<const double> values) = 0;
    /// Rank 0's value, on every rank.
    [[nodiscard]] virtual double broadcast(double value) = 0;
    [[nodiscard]] virtual std::string broadcast(const std::string& text) = 0;
    /// The text of the lowest rank that has one, on every rank; empty when no rank has.
    [[nodiscard]] virtual std::string first_nonempty(const std::string& text) = 0;
    /// Every rank's text, in rank order, on every rank.
    [[nodiscard]] virtual std::vector<std::string> all_gather_strings(const std::string& text) = 0;
    virtual void send(double value, int to) = 0;
    [[nodiscard]] virtual double receive(int from) = 0;
};

}  // namespace moe
