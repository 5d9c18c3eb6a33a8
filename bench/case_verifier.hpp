#pragma once

#include "bench/moe/layer.hpp"
#include "bench/verify/exact.hpp"
#include "bench/verify/reference.hpp"
#include "comm/control.hpp"

#include <cstdint>
#include <string>
#include <vector>

namespace moe {

/// Checks the strategies of one case before anything is timed. Collective throughout: every verdict
/// is the ranks' common one.
class CaseVerifier {
public:
    struct Parts {
        Device& device;
        Stream& stream;
        Control& control;
        MoeLayer& layer;
        Gather& gather;
        const RowMap& row_map;
        const CombineSetup& combine;
        LayerReference& reference;
        std::uint64_t seed;
    };
    explicit CaseVerifier(const Parts& parts) : parts_(parts) {}

    /// What is wrong, with the rank that saw it; empty when every bit is right. Two runs each, into
    /// poisoned outputs, on data whose sums no order of adding can change.
    [[nodiscard]] std::string check_gather();
    [[nodiscard]] std::string check_combine(Combine& combine);

    /// The whole layer on the real input, twice, sampled rows of every rank against the reference.
    struct LayerVerdict {
        std::string wrong;
        double rms_error{};  ///< root mean square of the error over that of the reference
    };
    [[nodiscard]] LayerVerdict check_layer(Combine& combine);

private:
    [[nodiscard]] std::string agree(const std::string& wrong);
    [[nodiscard]] Deviation compare_sampled_rows(const Matrix& result);

    Parts parts_;
};

}  // namespace moe
