#pragma once

#include "comm/combine/combine.hpp"

namespace moe {

/// The step that both all_reduce strategies begin with: every rank gets the sum of all rows, in
/// memory of the strategy's own, since a partial sum that is read again may not be overwritten.
class AllReduceRows {
public:
    explicit AllReduceRows(const CombineSetup& setup);
    /// A view of the summed rows of this rank's group.
    [[nodiscard]] Matrix run(const Matrix& partial, Stream& stream);
    [[nodiscard]] static Cost cost(const CombineSetup& setup);

private:
    Communicator& world_;
    std::int64_t first_;
    std::int64_t rows_;
    Buffer sums_;
};

}  // namespace moe
