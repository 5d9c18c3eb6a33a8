#pragma once

#include "comm/combine/owner_combine.hpp"
#include "comm/owners_inbox.hpp"

namespace moe {

/// reduce_scatterv of weighted rows by each rank for the others: it sums, for every row, the expert
/// rows that it has for it, and writes the sum into the inbox of the rank that adds it up, as
/// reduce_scatterv_push does. Rows that a rank has no expert rows for are not sent.
class FusedPush final : public OwnerCombine {
public:
    explicit FusedPush(const CombineSetup& setup);
    void run_with_norm(const CombineInput& in, const ResidualNorm& norm, Stream& stream) override;
    [[nodiscard]] std::optional<std::int64_t> sent_bytes(const CombineInput& in) const override;

    /// Of rows of which a rank sends the share `sent`; without what it reads of expert rows, which
    /// is up to the router.
    [[nodiscard]] static Cost cost(const CombineSetup& setup, double sent = 1);
    /// Bytes that come to the rank to which most come, of such rows.
    [[nodiscard]] static std::int64_t largest_ingress(const CombineSetup& setup, double sent);
    /// "push", or "push_balanced" where ranks of few rows help those of many.
    [[nodiscard]] static std::string_view variant(const CombineSetup& setup);
    [[nodiscard]] static bool fuses_norm(const CombineSetup& setup) {
        return fuses_norm_in(OwnersPass::push_weighted_sum, setup);
    }

private:
    Matrix reduce_own(const CombineInput& in, const Matrix& own, Stream& stream) override;
    void push(const CombineInput& in, const Matrix& own, const ResidualNorm* norm, Stream& stream);

    OwnersInbox inbox_;
};

}  // namespace moe
