#pragma once

#include "bench/verify/exact.hpp"
#include "comm/gather/gather.hpp"
#include "comm/row_buffer.hpp"
#include "tests/given_input.hpp"
#include "tests/given_norm.hpp"
#include "tests/setting.hpp"

#include <gtest/gtest.h>

#include <cstdint>

namespace moe {

/// Other data the second time: a strategy must not live on what its first run left.
inline constexpr std::uint64_t kCheckedRuns = 2;

/// Whether this setup can run; one that cannot must say why.
template <class Entry, class Setup>
[[nodiscard]] bool can_run(const Entry& entry, const Setup& setup) {
    const auto why = entry.obstacle(setup);
    EXPECT_TRUE(why.empty() || why.size() > 10) << "an obstacle must say why";
    return why.empty();
}

/// A combine into poisoned memory: every rank of a group has the sums of its rows, bit for bit, and
/// the input is as it was. A strategy that takes a norm makes the same sums with one, and of them
/// what the device's own kernel does.
inline void expect_right(const CombineEntry& entry, const Backend& backend,
                         const CombineSetup& setup, Given given) {
    SCOPED_TRACE(setting_of(backend, setup));
    if (!can_run(entry, setup)) return;
    GivenInput in(entry, setup, given, backend.layer_kernels->compute_dtype(setup.dtype));
    if (!in.applies()) return;
    auto& device = setup.device;
    const auto stream = device.make_stream();
    const auto own =
        device.allocate(static_cast<std::size_t>(setup.group_rows() * setup.row_bytes()));
    const auto mine = own.matrix(setup.group_rows(), setup.cols, setup.dtype);
    const auto combine = entry.make(setup);
    const auto check = [&](std::uint64_t run, const auto& enqueue) {
        in.make(run, *stream);
        device.fill_bytes(mine, std::byte{0xff}, *stream);
        const Matrix got = enqueue();
        stream->synchronize();
        EXPECT_EQ(compare_bits(device, got, in.wanted(), setup.group_first()), "")
            << entry.name << ", given " << to_string(given) << ", run " << run;
        EXPECT_TRUE(in.intact()) << entry.name << ": the input is not what was given";
    };
    for (std::uint64_t run = 0; run < kCheckedRuns; ++run) {
        check(run, [&] { return combine->run(in.input(), mine, *stream); });
    }
    if (!entry.fuses_norm(setup)) return;
    GivenNorm norm(device, mine);
    for (std::uint64_t run = 0; run < kCheckedRuns; ++run) {
        norm.poison(std::byte{0xff}, *stream);
        check(run, [&] {
            combine->run_with_norm(in.input(), norm.operands(), *stream);
            return mine;
        });
        EXPECT_EQ(norm.wrong(*stream), "") << entry.name << ", run " << run;
    }
}

/// A gather into poisoned memory: every rank has every rank's rows, bit for bit.
inline void expect_right(const GatherEntry& entry, const Backend& backend,
                         const GatherSetup& setup) {
    SCOPED_TRACE(setting_of(backend, setup));
    if (!can_run(entry, setup)) return;
    auto& device = setup.device;
    const auto stream = device.make_stream();
    const auto& owned = setup.owned;
    const int me = setup.world.rank();
    const auto own = device.allocate(static_cast<std::size_t>(owned.rows(me) * setup.row_bytes()));
    const RowBuffer whole(device, setup.world, entry.output(setup), owned.total(), setup.cols,
                          setup.dtype);
    const auto mine = own.matrix(owned.rows(me), setup.cols, setup.dtype);
    const auto& all = whole.matrix();
    const auto gather = entry.make(setup);
    for (std::uint64_t run = 0; run < kCheckedRuns; ++run) {
        const ExactData data(setup.dtype, owned.ranks(), run);
        const auto given = data.contribution(owned.first(me), owned.rows(me), setup.cols, me);
        device.upload(given.data(), own.data(), given.size());
        device.fill_bytes(all, std::byte{0xff}, *stream);
        gather->run(mine, {all, whole.memory()}, *stream);
        stream->synchronize();
        std::vector<std::byte> want;
        for (int rank = 0; rank < owned.ranks(); ++rank) {
            const auto theirs =
                data.contribution(owned.first(rank), owned.rows(rank), setup.cols, rank);
            want.insert(want.end(), theirs.begin(), theirs.end());
        }
        EXPECT_EQ(compare_bits(device, all, want, 0), "") << entry.name << ", run " << run;
        EXPECT_EQ(compare_bits(device, mine, given, owned.first(me)), "")
            << entry.name << ": the input was written to";
    }
}

}  // namespace moe
