#pragma once

#include "comm/communicator.hpp"
#include "comm/ring_traffic.hpp"
#include "comm/speeds.hpp"

#include <compare>
#include <cstdint>
#include <memory>
#include <optional>
#include <span>
#include <string>
#include <string_view>

namespace moe {

class AutoTable;

/// What is known of weighted rows before a router has made them.
struct WeightedShape {
    double entries{1};  ///< expected of a row on one rank
    double present{1};  ///< expected share of the rows that a rank has entries for
    DType dtype{};      ///< of the rows that they weight
    /// Why these cannot lie where other ranks read them; empty where they can.
    std::string unreachable{};
};

/// Where a combine runs. `group` holds consecutive ranks of `world` that all want the rows that any
/// of them owns; a group of one is the plain case. Everything here outlives the strategy.
struct CombineSetup {
    Device& device;
    Communicator& world;
    Communicator& group;
    const RowPartition& owned;  ///< over the world; the same number of rows for each of a group
    std::int64_t cols{};
    DType dtype{};
    bool captured{};                ///< into a graph, by which engines choose among kernels
    std::int64_t sms{};             ///< that communication uses; 0: as many as the library chooses
    const AutoTable* auto_table{};  ///< for entries that choose by one; null where there is none
    /// For entries that choose by them; nothing before they are measured. The link's are without
    /// end where ranks share one memory.
    std::optional<Speeds> speeds{};
    WeightedShape weighted{};

    /// The same with other rows, which outlive it.
    [[nodiscard]] CombineSetup of_rows(const RowPartition& rows) const {
        return {device,   world, group,      rows,   cols,    dtype,
                captured, sms,   auto_table, speeds, weighted};
    }
    [[nodiscard]] std::int64_t row_bytes() const {
        return cols * static_cast<std::int64_t>(size_of(dtype));
    }
    [[nodiscard]] std::int64_t expert_row_bytes() const {
        return cols * static_cast<std::int64_t>(size_of(weighted.dtype));
    }
    /// Of the partial sums of all rows.
    [[nodiscard]] std::int64_t all_bytes() const { return owned.total() * row_bytes(); }
    [[nodiscard]] std::int64_t own_rows() const { return owned.rows(world.rank()); }
    [[nodiscard]] std::int64_t group_rows() const { return own_rows() * group.size(); }
    /// The group's first row among all rows.
    [[nodiscard]] std::int64_t group_first() const {
        return owned.first(world.rank() - group.rank());
    }
    [[nodiscard]] std::int64_t largest_group_bytes() const {
        return owned.largest() * group.size() * row_bytes();
    }
};

/// What a strategy reads, and how far the memory that it lies in must reach: engines allocate it
/// there, so that nothing is copied into place.
struct InputNeeds {
    /// partial_sums: the rows that the local combine wrote. weighted_rows: what it would read; the
    /// strategy does the local combine itself.
    enum class Kind : std::uint8_t { partial_sums, weighted_rows };
    Kind kind{};
    std::optional<Reach> reach{};  ///< nothing: plain device memory

    [[nodiscard]] bool weighted() const { return kind == Kind::weighted_rows; }
    auto operator<=>(const InputNeeds&) const = default;
};
/// As in the column `input`: "partial_sums", "weighted_rows:load_store".
[[nodiscard]] std::string to_string(const InputNeeds& needs);

/// One rank's input of a combine, read only.
struct CombineInput {
    Matrix rows;             ///< partial sums [owned.total(), cols], or expert rows
    WeightedRows weights{};  ///< weighted_rows: how each of the owned.total() rows is made of them
    /// What `rows` begins in, and weights lie in, where that reaches further; else null.
    PeerMemory* memory{};

    [[nodiscard]] bool weighted() const { return weights.offsets != nullptr; }
};

/// Every rank holds a partial sum of all rows; afterwards every rank of a group holds the full sum
/// of its group's rows. Knows rows and ranks, and nothing of tokens, experts or routers.
class Combine {
public:
    virtual ~Combine() = default;
    /// mine [group_rows(), cols] is this rank's to fill. Returns where the result is: `mine`, or a
    /// view of the strategy's own memory that holds until the next run. Only enqueues: no
    /// allocation, no waiting, no look at anything that may change.
    [[nodiscard]] virtual Matrix run(const CombineInput& in, const Matrix& mine,
                                     Stream& stream) = 0;
    /// The same, with Device::residual_norm of each row in the pass that completes it: the result
    /// is in norm.rows, this rank's to fill as `mine` is. Where the entry's fuses_norm says so.
    virtual void run_with_norm(const CombineInput& in, const ResidualNorm& norm, Stream& stream);
    /// Bytes that this rank sends in a run with such an input, which is there; nothing where the
    /// entry's cost says it.
    [[nodiscard]] virtual std::optional<std::int64_t> sent_bytes(const CombineInput& /*in*/) const {
        return {};
    }
};

inline std::string no_obstacle(const CombineSetup& /*setup*/) {
    return {};
}
inline std::string_view only_variant(const CombineSetup& /*setup*/) {
    return {};
}

inline InputNeeds plain_input(const CombineSetup& /*setup*/) {
    return {};
}
inline bool never_fuses(const CombineSetup& /*setup*/) {
    return false;
}
/// Whether such a pass, which ends the strategy, takes the norm of all rows that a rank wants: not
/// in a group of several, where it completes the rank's own alone. Without an obstacle.
[[nodiscard]] bool fuses_norm_in(OwnersPass pass, const CombineSetup& setup);

/// The collective that a strategy is a form of: whether every rank gets the sums of all rows, or
/// only those of its own.
enum class Form : std::uint8_t { all_reduce, reduce_scatter };
/// As in the column `form`.
[[nodiscard]] std::string_view to_string(Form form);

/// What an entry makes, where the setup is all that its strategy needs.
template <class Strategy>
[[nodiscard]] std::unique_ptr<Combine> make(const CombineSetup& setup) {
    return std::make_unique<Strategy>(setup);
}

/// A strategy's whole public face; each strategy file defines exactly one, named after the file.
struct CombineEntry {
    std::string_view name;
    std::string_view summary;
    Form form;
    /// Why this setup cannot run, for the results file; empty when it can.
    std::string (*obstacle)(const CombineSetup&);
    Cost (*cost)(const CombineSetup&);
    /// Collective where it makes peer memory: before anything that one rank may have no room for.
    std::unique_ptr<Combine> (*make)(const CombineSetup&);
    /// Which of its ways the strategy goes for this setup, where it has several; else empty.
    std::string_view (*variant)(const CombineSetup&) = only_variant;
    /// What it reads. Asked where there is no obstacle.
    InputNeeds (*input)(const CombineSetup&) = plain_input;
    /// Whether it has a run_with_norm(): the same on all ranks. Asked where there is no obstacle.
    bool (*fuses_norm)(const CombineSetup&) = never_fuses;
    /// Runs where it is asked for by name alone: one way of another entry, "name:variant", or one
    /// that runs another entry.
    bool by_name_only{};
    /// Runs the entry that the setup's auto_table names.
    bool by_table{};
    /// Chooses its variant by the setup's speeds.
    bool by_speeds{};
};

/// Generated by CMake from the moe_add_combine() lines of this build, in their order.
[[nodiscard]] std::span<const CombineEntry* const> combine_table();

}  // namespace moe
