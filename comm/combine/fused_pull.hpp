#pragma once

#include "comm/combine/owner_combine.hpp"

namespace moe {

/// reduce_scatterv of weighted rows by each rank for itself: it reads the expert rows that all
/// ranks have for its rows where they lie, and sums them with their weights. Ranks wait for each
/// other before, until all are written, and after, until all are read.
class FusedPull final : public OwnerCombine {
public:
    using OwnerCombine::OwnerCombine;
    void run_with_norm(const CombineInput& in, const ResidualNorm& norm, Stream& stream) override;
    /// What others read of this rank's expert rows.
    [[nodiscard]] std::optional<std::int64_t> sent_bytes(const CombineInput& in) const override;

    [[nodiscard]] static std::string obstacle(const CombineSetup& setup);
    /// Of as many entries as are expected; without reading expert rows in memory, as FusedPush.
    [[nodiscard]] static Cost cost(const CombineSetup& setup);
    [[nodiscard]] static bool fuses_norm(const CombineSetup& setup) {
        return fuses_norm_in(OwnersPass::pull_weighted_sum, setup);
    }

private:
    Matrix reduce_own(const CombineInput& in, const Matrix& own, Stream& stream) override;
    void pull(const CombineInput& in, const Matrix& own, const ResidualNorm* norm, Stream& stream);
};

}  // namespace moe
