#pragma once

#include "bench/tune/auto_table_file.hpp"
#include "bench/tune/tune_point_bench.hpp"
#include "bench/watch/heartbeat.hpp"

#include <nlohmann/json_fwd.hpp>

#include <optional>
#include <span>
#include <string>

namespace moe {

/// Where the table of a sweep comes from, whose strategies may ask for one: from --auto-table; or
/// measured at start, once for all runs into the same results.
class AutoTableSource {
public:
    struct Parts {
        const Options& options;
        Backend& backend;
        Bootstrap& bootstrap;
    };
    /// Collective. Reads what there is to read. A BadArgument for a bad file.
    explicit AutoTableSource(const Parts& parts);

    /// Whether a strategy asks for a table, and none was read.
    [[nodiscard]] bool to_be_measured() const;
    /// Collective. Measures it, for the cases of the sweep; rank 0 writes it to `file`.
    void measure(Timeline& timeline, std::span<const Case> cases, Heartbeat& heartbeat,
                 const std::string& file);
    /// Null where no strategy asks for one, and before it is measured.
    [[nodiscard]] const AutoTable* table() const { return table_ ? &*table_ : nullptr; }
    /// For the provenance: whether this run measures it, else the file; null without a table.
    [[nodiscard]] nlohmann::json provenance() const;

private:
    [[nodiscard]] TableOrigin here() const;
    /// Collective. The file that rank 0 sees.
    [[nodiscard]] AutoTable read(const std::string& file) const;

    Parts parts_;
    std::string file_;  ///< that was read
    std::optional<AutoTable> table_;
};

}  // namespace moe
