#pragma once

#include "comm/combine/combine.hpp"
#include "comm/row_buffer.hpp"

#include <map>
#include <span>

namespace moe {

/// The inputs of the strategies that share one setup: partial sums once for each distinct need of
/// reach, whoever has it, and the one set of weighted rows.
class CombineInputs {
public:
    /// `weighted`: what strategies read that do the local combine themselves. The setup and it
    /// outlive this.
    CombineInputs(const CombineSetup& setup, const CombineInput& weighted)
        : setup_(setup), weighted_(weighted) {}

    /// Collective. Why there is no room for this input; the same on all ranks, empty where there is
    /// or where it has been made.
    [[nodiscard]] std::string no_room(const InputNeeds& needs);
    /// Collective where it is made, which is the first time.
    [[nodiscard]] CombineInput of(const InputNeeds& needs);

    /// Bytes of a rank's partial sums for these strategies, but for those with an obstacle.
    [[nodiscard]] static std::size_t bytes(const CombineSetup& setup,
                                           std::span<const CombineEntry* const> combines);

private:
    CombineSetup setup_;
    CombineInput weighted_;
    std::map<InputNeeds, RowBuffer> partial_sums_;
};

}  // namespace moe
