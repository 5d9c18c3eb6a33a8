// What must hold whatever the sizes: random layouts, shapes, loads and types from fixed seeds, the
// same on every rank.
#include "bench/moe/load.hpp"
#include "bench/moe/parallel.hpp"
#include "tests/auto_tables.hpp"
#include "tests/backends.hpp"
#include "tests/strategy_check.hpp"

#include <fmt/format.h>
#include <gtest/gtest.h>

#include <map>
#include <numeric>
#include <random>
#include <string>

namespace moe {
namespace {

class Random {
public:
    explicit Random(std::uint64_t seed) : engine_(seed) {}
    /// In [least, most]. Not a std distribution, which may differ between libraries.
    std::int64_t number(std::int64_t least, std::int64_t most) {
        return least +
               static_cast<std::int64_t>(engine_() % static_cast<std::uint64_t>(most - least + 1));
    }
    template <class T>
    const T& one_of(const std::vector<T>& all) {
        return all[static_cast<std::size_t>(number(0, std::ssize(all) - 1))];
    }

private:
    std::mt19937_64 engine_;
};

std::vector<int> divisors(int number) {
    std::vector<int> all;
    for (int d = 1; d <= number; ++d) {
        if (number % d == 0) all.push_back(d);
    }
    return all;
}

/// Any of the loads there are, with shares or exponents of any size.
std::string random_load(Random& random, int dp) {
    switch (random.number(0, 4)) {
        case 0:
            return "balanced";
        case 1:
            return "linear";
        case 2:
            return "hot";
        case 3:
            return fmt::format("zipf:{}.{}", random.number(0, 9), random.number(1, 99));
        default:
            break;
    }
    std::string text = "counts:1";
    for (int rank = 1; rank < dp; ++rank) {
        const bool idle = random.number(0, 2) == 0;
        text += fmt::format(";{}", idle ? 0 : random.number(1, 1'000'000'000));
    }
    return text;
}

RowMap random_rows(Random& random, const Parallel& parallel) {
    const Load load(random_load(random, parallel.dp));
    const auto padding = random.one_of<Padding>({Padding::sum_len, Padding::max_len});
    return {parallel, load.deal(random.number(0, 40), parallel.dp), padding};
}

TEST(Property, EveryLoadDealsExactlyTheTokens) {
    for (std::uint64_t seed = 0; seed < 2000; ++seed) {
        Random random(seed);
        const int dp = static_cast<int>(random.number(1, 64));
        const Load load(random_load(random, dp));
        const auto tokens = random.number(0, std::int64_t{1} << random.number(0, 24));
        const auto dealt = load.deal(tokens, dp);
        ASSERT_EQ(dealt.size(), static_cast<std::size_t>(dp));
        EXPECT_EQ(std::accumulate(dealt.begin(), dealt.end(), std::int64_t{0}), tokens)
            << load.text() << " over " << dp;
        for (const auto count : dealt) EXPECT_GE(count, 0) << load.text() << " over " << dp;
    }
}

TEST(Property, EveryTokenHasOneRowOnARankOfItsOwn) {
    for (std::uint64_t seed = 0; seed < 500; ++seed) {
        Random random(seed);
        const int ranks = static_cast<int>(random.number(1, 24));
        const Parallel parallel{ranks, random.one_of(divisors(ranks)), 1};
        const Load load(random_load(random, parallel.dp));
        const auto tokens = random.number(0, 300);
        const auto dealt = load.deal(tokens, parallel.dp);
        const auto padding = random.one_of<Padding>({Padding::sum_len, Padding::max_len});
        const RowMap map(parallel, dealt, padding);

        std::int64_t next = 0;
        ASSERT_EQ(std::ssize(map.token_of_row()), map.rows());
        for (int dp = 0; dp < parallel.dp; ++dp) {
            const int first_rank = dp * parallel.attn_tp();
            auto row = map.owned().first(first_rank);
            for (std::int64_t i = 0; i < dealt[static_cast<std::size_t>(dp)]; ++i) {
                EXPECT_EQ(map.token_of_row()[static_cast<std::size_t>(row++)], next++);
            }
            for (; row < map.owned().first(first_rank + parallel.attn_tp()); ++row) {
                EXPECT_EQ(map.token_of_row()[static_cast<std::size_t>(row)], -1);
            }
        }
        EXPECT_EQ(next, tokens);
        if (padding == Padding::max_len) {
            EXPECT_TRUE(map.owned().even());
        }
    }
}

/// Runs `check` on random rows, widths and types, on every backend that is there.
template <class Check>
void on_random_setups(Check&& check) {
    for (auto& backend : OpenBackends::opened()) {
        auto& world = *backend.world;
        std::map<int, std::unique_ptr<Communicator>> groups;
        for (std::uint64_t seed = 0; seed < 40; ++seed) {
            Random random(seed);
            const Parallel parallel{world.size(), random.one_of(divisors(world.size())), 1};
            auto& group = groups[parallel.dp];
            if (!group) group = world.split(parallel.dp_index(world.rank()));
            const auto rows = random_rows(random, parallel);
            const auto cols = random.number(1, 300);
            SCOPED_TRACE(fmt::format("seed {}", seed));
            const auto dtype = random.one_of<DType>({DType::bf16, DType::f16, DType::f32});
            check(backend, *group, rows.owned(), cols, dtype);
        }
    }
}

TEST(Property, AllCombinesAgreeBitForBit) {
    on_random_setups([](Backend& backend, Communicator& group, const RowPartition& owned,
                        std::int64_t cols, DType dtype) {
        for (const auto* entry : combine_table()) {
            for (const auto given : kAllGiven) {
                expect_right(
                    *entry, backend,
                    with_table({*backend.device, *backend.world, group, owned, cols, dtype}),
                    given);
            }
        }
    });
}

TEST(Property, AllGathersAgreeBitForBit) {
    on_random_setups([](Backend& backend, Communicator& /*group*/, const RowPartition& owned,
                        std::int64_t cols, DType dtype) {
        for (const auto* entry : gather_table()) {
            expect_right(*entry, backend, {*backend.device, *backend.world, owned, cols, dtype});
        }
    });
}

}  // namespace
}  // namespace moe
