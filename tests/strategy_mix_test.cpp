// All strategies on one communicator, in random order: what ranks do to each other's memory beside
// what a library sends for them. Ranks come late, inputs are overwritten as soon as a strategy is
// done with them, and messages are large enough to travel in pieces, which a rank may have to move
// on while it waits in a peer's barrier. Runs on 2 to 4 ranks.
#include "bench/verify/exact.hpp"
#include "comm/combine/combine_inputs.hpp"
#include "comm/gather/gather.hpp"
#include "comm/mpi/mpi_bootstrap.hpp"
#include "tests/auto_tables.hpp"
#include "tests/backends.hpp"

#include <gtest/gtest.h>

#include <chrono>
#include <deque>
#include <functional>
#include <random>
#include <string>
#include <thread>
#include <utility>
#include <vector>

namespace moe {
namespace {

/// Rounds, or seconds where ranks have to wait for a core.
constexpr int kRounds = 3000;
constexpr double kSeconds = 10;
constexpr int kRoundsToLook = 50;  ///< rounds between two looks at the time
/// So many sets of data that no round finds what it wants in what the one before it left.
constexpr std::uint64_t kDataSets = 3;

/// One strategy in one setup.
struct Player {
    std::string name;
    bool peer{};   ///< reaches into other ranks' memory and waits for them itself
    bool large{};  ///< its messages travel in pieces
    /// What was wrong with its result on this set of data, with outputs that held `poison`.
    std::function<std::string(std::uint64_t data, std::byte poison)> play;
};

/// Rows that are divided in one way, and what all ranks' strategies need for them.
class Table {
public:
    Table(Backend& backend, Communicator& alone, const std::vector<std::int64_t>& rows,
          std::int64_t cols, DType dtype, std::function<void()> be_late)
        : device_(*backend.device),
          world_(*backend.world),
          stream_(device_.make_stream()),
          owned_(rows),
          combine_setup_(with_table({device_, world_, alone, owned_, cols, dtype})),
          gather_setup_{device_, world_, owned_, cols, dtype},
          inputs_(combine_setup_, {}),
          own_buffer_(device_.allocate(
              static_cast<std::size_t>(owned_.rows(me()) * combine_setup_.row_bytes()))),
          own_(own_buffer_.matrix(owned_.rows(me()), cols, dtype)),
          be_late_(std::move(be_late)) {
        for (std::uint64_t seed = 0; seed < kDataSets; ++seed) {
            const ExactData data(dtype, world_.size(), seed);
            partial_sums_.push_back(data.contribution(0, owned_.total(), cols, me()));
            sums_.push_back(data.sums(owned_.first(me()), own_.rows, cols));
            own_rows_.push_back(data.contribution(owned_.first(me()), own_.rows, cols, me()));
            auto& all = all_rows_.emplace_back();
            for (int rank = 0; rank < world_.size(); ++rank) {
                const auto theirs =
                    data.contribution(owned_.first(rank), owned_.rows(rank), cols, rank);
                all.insert(all.end(), theirs.begin(), theirs.end());
            }
        }
    }

    void seat(std::vector<Player>& players) {
        const bool large = owned_.total() * combine_setup_.row_bytes() > 1 << 19;
        for (const auto* entry : combine_table()) {
            if (!entry->obstacle(combine_setup_).empty()) continue;
            if (entry->input(combine_setup_).weighted()) continue;  // there are no expert rows
            const auto in = inputs_.of(entry->input(combine_setup_));
            auto* combine = combines_.emplace_back(entry->make(combine_setup_)).get();
            const bool peer = entry->cost(combine_setup_).barriers > 0;
            players.push_back({std::string(entry->name), peer, large,
                               [this, in, combine](auto data, auto poison) {
                                   return play(*combine, in, data, poison);
                               }});
        }
        for (const auto* entry : gather_table()) {
            if (!entry->obstacle(gather_setup_).empty()) continue;
            const auto& whole =
                wholes_.emplace_back(device_, world_, entry->output(gather_setup_), owned_.total(),
                                     gather_setup_.cols, gather_setup_.dtype);
            auto* gather = gathers_.emplace_back(entry->make(gather_setup_)).get();
            const bool peer = entry->cost(gather_setup_).barriers > 0;
            players.push_back(
                {std::string(entry->name), peer, large,
                 [this, &whole, gather](auto data, auto poison) {
                     return play(*gather, {whole.matrix(), whole.memory()}, data, poison);
                 }});
        }
    }

private:
    [[nodiscard]] int me() const { return world_.rank(); }

    std::string play(Combine& combine, const CombineInput& in, std::uint64_t data,
                     std::byte poison) {
        const auto& given = partial_sums_[data];
        device_.upload(given.data(), in.rows.data, given.size());
        device_.fill_bytes(own_, poison, *stream_);
        be_late_();
        const auto got = combine.run(in, own_, *stream_);
        device_.fill_bytes(in.rows, poison, *stream_);
        stream_->synchronize();
        return compare_bits(device_, got, sums_[data], owned_.first(me()));
    }

    std::string play(Gather& gather, const GatherOutput& all, std::uint64_t data,
                     std::byte poison) {
        const auto& given = own_rows_[data];
        device_.upload(given.data(), own_.data, given.size());
        device_.fill_bytes(all.rows, poison, *stream_);
        be_late_();
        gather.run(own_, all, *stream_);
        device_.fill_bytes(own_, poison, *stream_);
        stream_->synchronize();
        return compare_bits(device_, all.rows, all_rows_[data], 0);
    }

    Device& device_;
    Communicator& world_;
    std::unique_ptr<Stream> stream_;
    RowPartition owned_;
    CombineSetup combine_setup_;
    GatherSetup gather_setup_;
    CombineInputs inputs_;
    Buffer own_buffer_;
    Matrix own_;  ///< what a combine fills, and what a gather reads
    std::function<void()> be_late_;
    std::vector<std::vector<std::byte>> partial_sums_, sums_, own_rows_, all_rows_;
    std::vector<std::unique_ptr<Combine>> combines_;
    std::vector<std::unique_ptr<Gather>> gathers_;
    std::deque<RowBuffer> wholes_;
};

TEST(StrategyMix, AllAreRightOneAfterTheOther) {
    for (auto& backend : OpenBackends::opened()) {
        auto& world = *backend.world;
        const int ranks = world.size();
        const auto alone = world.split(world.rank());
        std::mt19937 random(static_cast<unsigned>(ranks));  // the same on all ranks
        int late_rank = -1;
        const auto be_late = [&] {
            if (late_rank == world.rank()) {
                std::this_thread::sleep_for(std::chrono::microseconds(300));
            }
        };
        const auto rows = [&](std::int64_t first, std::int64_t others) {
            std::vector<std::int64_t> all(static_cast<std::size_t>(ranks), others);
            all.front() = first;
            return all;
        };
        std::deque<Table> tables;
        tables.emplace_back(backend, *alone, rows(3, 3), 5, DType::bf16, be_late);
        tables.emplace_back(backend, *alone, rows(0, 7), 33, DType::f16, be_late);
        tables.emplace_back(backend, *alone, rows(60, 0), 256, DType::f32, be_late);
        tables.emplace_back(backend, *alone, rows(256, 256), 256, DType::f32, be_late);
        tables.emplace_back(backend, *alone, rows(512, 0), 512, DType::f32, be_late);
        std::vector<Player> players;
        for (auto& table : tables) table.seat(players);

        const auto bootstrap = make_mpi_bootstrap();
        const auto began = std::chrono::steady_clock::now();
        for (int round = 0; round < kRounds; ++round) {
            const std::chrono::duration<double> taken = std::chrono::steady_clock::now() - began;
            if (round % kRoundsToLook == 0 && bootstrap->broadcast(taken.count()) > kSeconds) break;
            const bool peer = random() % 2 == 0;
            const bool large = random() % 10 == 0;
            std::vector<const Player*> able;
            for (const auto& player : players) {
                if (player.peer == peer && player.large == large) able.push_back(&player);
            }
            if (able.empty()) continue;  // a backend without peers
            const auto& player = *able[random() % able.size()];
            late_rank = random() % 4 == 0 ? static_cast<int>(random() % 4) : -1;
            const auto wrong = player.play(static_cast<std::uint64_t>(round) % kDataSets,
                                           std::byte(round % 2 == 0 ? 0xff : 0x00));
            EXPECT_EQ(wrong, "") << player.name << ", round " << round << ", rank " << world.rank()
                                 << " of " << ranks;
        }
    }
}

}  // namespace
}  // namespace moe
