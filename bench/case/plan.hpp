#pragma once

#include "bench/case/layout.hpp"
#include "bench/moe/layer_weights.hpp"
#include "bench/sweep/case.hpp"
#include "bench/sweep/options.hpp"
#include "comm/backend.hpp"
#include "comm/bootstrap.hpp"
#include "comm/combine/combine.hpp"

#include <map>
#include <memory>
#include <string>
#include <utility>

namespace moe {

/// What one rank makes in order to run a case.
struct CaseNeeds {
    LayerWeights::Plan weights;      ///< of the first layer
    std::string weights_key;         ///< cases with the same one share their weights
    std::size_t weight_bytes{};      ///< of all layers and copies
    std::size_t activation_bytes{};  ///< and workspaces, and what the verifier keeps
    std::size_t cold_bytes{};        ///< of these, what is read before each sample of a cold case
};

/// What a case needs before anything of it is made: for the runner, and for --dry-run.
class CasePlanner {
public:
    struct Parts {
        const Options& options;
        Backend& backend;
        Bootstrap& bootstrap;
        const AutoTable* auto_table{};  ///< for strategies that choose by one
    };
    explicit CasePlanner(const Parts& parts) : parts_(parts) {}

    [[nodiscard]] const AutoTable* auto_table() const { return parts_.auto_table; }

    /// Collective. Why this backend cannot run or time the case, whatever the memory of each rank;
    /// empty when it can.
    [[nodiscard]] std::string backend_obstacle(const Case& params, const CaseLayout& layout);
    /// Collective. For a layout without an obstacle.
    [[nodiscard]] CaseNeeds needs(const Case& params, const CaseLayout& layout);
    /// Collective. Why the memory that ranks share is too small for `bytes` more on this rank.
    [[nodiscard]] std::string memory_obstacle(std::size_t bytes);
    /// Collective. All ranks, on as many multiprocessors as the case says.
    [[nodiscard]] Communicator& world_for(const Case& params);
    /// Collective. Of these the ranks that want the same rows.
    [[nodiscard]] Communicator& group_for(const Case& params, const Parallel& parallel);

private:
    Parts parts_;
    std::map<std::int64_t, std::unique_ptr<Communicator>> worlds_;  ///< by SMs
    /// By SMs and dp.
    std::map<std::pair<std::int64_t, int>, std::unique_ptr<Communicator>> groups_;
};

/// 1.5 GiB
[[nodiscard]] std::string gibibytes(double bytes);

}  // namespace moe
