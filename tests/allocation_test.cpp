// Timed calls of the host must not allocate: what a combine or a gather does in every run is
// counted here by an operator new of the test's own, from the second run on. Runs on 1 to 4 ranks.
#include "comm/gather/gather.hpp"
#include "comm/row_buffer.hpp"
#include "kernels/host/host_device.hpp"
#include "tests/auto_tables.hpp"
#include "tests/backends.hpp"
#include "tests/counting_new.hpp"
#include "tests/given_input.hpp"
#include "tests/given_norm.hpp"
#include "tests/layouts.hpp"
#include "tests/setting.hpp"

#include <fmt/format.h>
#include <gtest/gtest.h>

#include <cstddef>

namespace moe {
namespace {

constexpr int kRuns = 4;  ///< what grew in the first one is enough for all

TEST(Allocations, AreCounted) {
    EXPECT_EQ(allocations_of([] {}), 0U);
    EXPECT_EQ(allocations_of([] { static_cast<void>(fmt::format("{:>100}", 1)); }), 1U);
    EXPECT_EQ(allocations_of([] { static_cast<void>(make_host_device()->allocate(8)); }), 2U)
        << "aligned memory too";
}

/// Columns of matrices so large that, from three ranks on, an all-reduce takes two shots.
constexpr std::int64_t kTwoShotCols = 80'000;

/// Runs `check` for every layout, type and way to put the ranks into groups, and for one large
/// matrix.
template <class Check>
void for_each_setup(Check&& check) {
    auto& backend = OpenBackends::opened().front();
    const int ranks = backend.world->size();
    for (int size = 1; size <= ranks; ++size) {
        if (ranks % size != 0) continue;
        const auto group = backend.world->split(backend.world->rank() / size);
        for (const auto& layout : kLayouts) {
            const auto owned = partition_of(layout, ranks, size);
            for (const auto dtype : contract_dtypes()) {
                const auto setup =
                    with_table({*backend.device, *backend.world, *group, owned, 40, dtype});
                SCOPED_TRACE(setting_of(backend, setup));
                check(setup, backend.layer_kernels->compute_dtype(dtype));
            }
        }
    }
    const auto alone = backend.world->split(backend.world->rank());
    const auto owned = partition_of(kLayouts[0], ranks, 1);
    check(with_table({.device = *backend.device,
                      .world = *backend.world,
                      .group = *alone,
                      .owned = owned,
                      .cols = kTwoShotCols,
                      .dtype = DType::bf16,
                      .captured = true}),
          backend.layer_kernels->compute_dtype(DType::bf16));
}

TEST(Combine, AllocatesNothingFromItsSecondRunOn) {
    for_each_setup([](const CombineSetup& setup, DType compute) {
        auto& device = setup.device;
        const auto stream = device.make_stream();
        const auto own =
            device.allocate(static_cast<std::size_t>(setup.group_rows() * setup.row_bytes()));
        const auto mine = own.matrix(setup.group_rows(), setup.cols, setup.dtype);
        for (const auto* entry : combine_table()) {
            if (!entry->obstacle(setup).empty()) continue;
            const auto combine = entry->make(setup);
            GivenInput in(*entry, setup, Given::whole_numbers, compute);
            in.make(0, *stream);
            const GivenNorm norm(device, mine);
            const bool fuses = entry->fuses_norm(setup);
            for (int run = 0; run < kRuns; ++run) {
                const auto count = allocations_of([&] {
                    static_cast<void>(combine->run(in.input(), mine, *stream));
                    if (fuses) combine->run_with_norm(in.input(), norm.operands(), *stream);
                });
                EXPECT_TRUE(run == 0 || count == 0)
                    << entry->name << " allocates " << count << " times in run " << run;
            }
        }
    });
}

TEST(Gather, AllocatesNothingFromItsSecondRunOn) {
    for_each_setup([](const CombineSetup& setup, DType /*compute*/) {
        const GatherSetup gathers{setup.device, setup.world, setup.owned,
                                  setup.cols,   setup.dtype, setup.captured};
        auto& device = setup.device;
        const auto stream = device.make_stream();
        const auto own =
            device.allocate(static_cast<std::size_t>(setup.own_rows() * setup.row_bytes()));
        const auto mine = own.matrix(setup.own_rows(), setup.cols, setup.dtype);
        device.clear(mine, *stream);
        for (const auto* entry : gather_table()) {
            if (!entry->obstacle(gathers).empty()) continue;
            const auto gather = entry->make(gathers);
            const RowBuffer all(device, setup.world, entry->output(gathers), setup.owned.total(),
                                setup.cols, setup.dtype);
            for (int run = 0; run < kRuns; ++run) {
                const auto count = allocations_of([&] {
                    gather->run(mine, {all.matrix(), all.memory()}, *stream);
                });
                EXPECT_TRUE(run == 0 || count == 0)
                    << entry->name << " allocates " << count << " times in run " << run;
            }
        }
    });
}

}  // namespace
}  // namespace moe
