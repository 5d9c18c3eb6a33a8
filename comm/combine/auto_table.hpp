#pragma once

#include "comm/combine/combine.hpp"

#include <cstdint>
#include <string>
#include <vector>

namespace moe {

/// One exchange of partial sums, as a table tells it from others.
struct Exchange {
    DType dtype{};
    bool captured{};
    std::int64_t sms{};      ///< as in CombineSetup
    std::int64_t bytes{};    ///< of the partial sums of all rows
    double largest_share{};  ///< see largest_share()

    /// Whether rows of `other` may say which strategy is fast here: type, graph and SMs agree.
    [[nodiscard]] bool comparable(const Exchange& other) const;
    /// How far comparable exchanges are apart, in doublings of the bytes. A share of all rows
    /// counts as much as six.
    [[nodiscard]] double distance(const Exchange& other) const;
};
[[nodiscard]] Exchange exchange_of(const CombineSetup& setup);
/// Of all rows, what the rank has that owns most: from 1 / ranks to 1; 1 / ranks without rows.
[[nodiscard]] double largest_share(const RowPartition& owned);
/// "bf16, CUDA graph, 8 SMs": what has to agree.
[[nodiscard]] std::string setting_text(const Exchange& exchange);

/// Which strategies are fast at which exchanges, as measured on the ranks that run them.
class AutoTable {
public:
    struct Time {
        const CombineEntry* entry{};
        double us{};
    };
    struct Row {
        Exchange exchange;
        std::vector<Time> times;  ///< each of another entry
    };
    /// Sorts the times of each row.
    explicit AutoTable(std::vector<Row> rows);

    [[nodiscard]] const std::vector<Row>& rows() const { return rows_; }
    /// The row nearest to an exchange, the first of those equally near; its fastest strategy comes
    /// first. Null where no row is comparable.
    [[nodiscard]] const Row* nearest(const Exchange& exchange) const;

private:
    std::vector<Row> rows_;
};

/// Whether a table may name the entry: a reduce_scatter that runs unasked.
[[nodiscard]] bool may_be_in_table(const CombineEntry& entry);
/// Whether it may be chosen for this setup: it reads partial sums, and has no obstacle here.
[[nodiscard]] bool is_auto_candidate(const CombineEntry& entry, const CombineSetup& setup);

}  // namespace moe
