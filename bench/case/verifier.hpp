#pragma once

#include "bench/moe/layer.hpp"
#include "bench/verify/exact.hpp"
#include "bench/verify/reference.hpp"
#include "comm/bootstrap.hpp"

#include <cstddef>
#include <cstdint>
#include <functional>
#include <map>
#include <optional>
#include <span>
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
        Bootstrap& bootstrap;
        MoeLayer& layer;
        Gather& gather;
        const RowMap& row_map;
        const CombineSetup& combine;
        std::span<LayerReference> references;  ///< one for each layer
        std::uint64_t seed;
        std::function<void()> on_progress{[] {}};  ///< called often while a check goes on
    };
    explicit CaseVerifier(const Parts& parts) : parts_(parts) {}

    /// What is wrong, with the rank that saw it; empty when every bit is right. Two runs each, into
    /// poisoned outputs, on data whose sums no order of adding can change.
    [[nodiscard]] std::string check_gather();
    /// The output step, with or without the layer's epilogue: `run` does it as it is timed and says
    /// where the sums are; `input` is what its strategy reads.
    using RunOutput = std::function<Matrix()>;
    [[nodiscard]] std::string check_output(const CombineInput& input, const RunOutput& run,
                                           bool with_epilogue);
    [[nodiscard]] std::string check_output(const OutputStep& output);

    /// Every layer on the real input, twice, sampled rows of every rank against its reference.
    struct LayerVerdict {
        std::string wrong;
        double rms_error{};  ///< root mean square of the error over that of the reference
        bool repeatable{};   ///< both runs of every layer had the same bits on every rank
    };
    /// `run` does one layer and says where its result is.
    using RunLayer = std::function<Matrix(std::size_t layer)>;
    [[nodiscard]] LayerVerdict check_layer(const CombineInput& input, const RunLayer& run);
    [[nodiscard]] LayerVerdict check_layer(const OutputStep& output);

    /// What a right strategy does to the bits, on random data from every rank, with which every
    /// order of adding shows.
    struct Numerics {
        bool repeatable{};  ///< several runs had the same bits
        /// A row had the same bits after all rows, and with them the sizes, were rotated to the
        /// next DP rank. Nothing where there is no other owner, or no memory to make the strategy
        /// once more.
        std::optional<bool> owner_independent;
    };
    [[nodiscard]] Numerics check_numerics(const CombineEntry& entry, const OutputStep& output);

    /// What the first rank found wrong, and which rank that is; empty where none did.
    [[nodiscard]] std::string agree(const std::string& wrong);

private:
    [[nodiscard]] Deviation compare_sampled_rows(const Matrix& result, LayerReference& reference);
    /// `given`: this rank's partial sums, of which `before` are the hashes of all ranks' results.
    /// OutOfMemory on all ranks where one has no room for the strategy once more.
    [[nodiscard]] std::optional<bool> same_when_rotated(const CombineEntry& entry,
                                                        std::vector<std::byte> given,
                                                        const std::vector<std::string>& before);
    /// What is wrong with what the epilogue made of `sums`, if there is one; empty when nothing is.
    [[nodiscard]] std::string compare_epilogue(const Matrix& sums);
    /// What a strategy reads before anything wrote it, with partial sums that are no numbers.
    void poison(const CombineInput& input);
    /// A hash of every rank's result, on every rank.
    [[nodiscard]] std::vector<std::string> hashes(const Matrix& result);
    [[nodiscard]] std::string hash_of(const Matrix& matrix);
    [[nodiscard]] std::vector<std::byte> downloaded(const Matrix& matrix);

    /// What one check run gives this rank and wants back from it, the same for all strategies:
    /// generating it takes longer than the exchanges.
    struct Exact {
        std::vector<std::byte> given, wanted;
    };
    [[nodiscard]] const Exact& exact_data(int run);

    Parts parts_;
    std::map<int, Exact> exact_;  ///< by run
};

}  // namespace moe
