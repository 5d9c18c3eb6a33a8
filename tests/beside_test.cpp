// Work on a second queue of a device, and exchanges beside it: GEMMs that fill the device and begin
// late on one rank, exchanges that are late on one rank while the others wait for it.
#include "bench/verify/exact.hpp"
#include "comm/named_table.hpp"
#include "tests/auto_tables.hpp"
#include "tests/given_input.hpp"
#include "tests/kernel_rig.hpp"
#include "tests/layouts.hpp"

#include <gtest/gtest.h>

#include <algorithm>
#include <functional>
#include <memory>
#include <string>
#include <utility>
#include <vector>

namespace moe {
namespace {

constexpr double kLate = 2e-3;  ///< seconds
constexpr const Layout& kUneven = kLayouts[1];
constexpr const Layout& kOneHasAll = kLayouts[3];

TEST(SideQueue, BeginsBehindTheStreamAndIsJoined) {
    for (auto& backend : OpenBackends::opened()) {
        Rig rig(backend);
        auto& device = rig.device();
        auto& stream = rig.stream();
        const auto queue = device.make_side_queue();
        const auto from = rig.matrix(1, 64, DType::f32), by_side = rig.matrix(1, 64, DType::f32),
                   after = rig.matrix(1, 64, DType::f32);
        const auto enqueue = [&](int value) {
            device.delay(kLate, stream);
            device.fill_bytes(from, std::byte(value), stream);
            queue->fork(stream, [&](Stream& side) {
                device.delay(kLate, side);
                device.copy(from, by_side, side);
            });
            queue->join(stream);
            device.copy(by_side, after, stream);
        };
        const auto wanted = [&](int value) {
            return std::vector<std::byte>(after.bytes(), std::byte(value));
        };
        for (const int value : {1, 2}) {
            enqueue(value);
            stream.synchronize();
            EXPECT_EQ(compare_bits(device, after, wanted(value), 0), "") << backend.name;
        }
        if (!device.capture_obstacle().empty()) continue;
        const auto graph = stream.capture([&] { enqueue(3); });
        EXPECT_EQ(compare_bits(device, after, wanted(2), 0), "") << "ran while it was captured";
        graph->launch(stream);
        stream.synchronize();
        EXPECT_EQ(compare_bits(device, after, wanted(3), 0), "");
    }
}

TEST(SideQueue, RunsWhileTheStreamGoesOn) {
    constexpr double kSeconds = 20e-3;
    for (auto& backend : OpenBackends::opened()) {
        auto& device = *backend.device;
        const auto stream = device.make_stream();
        const auto queue = device.make_side_queue();
        const auto begin = device.make_event(), side_end = device.make_event(),
                   end = device.make_event();
        double fastest = 10;
        for (int attempt = 0; attempt < 5; ++attempt) {
            stream->record(*begin);
            queue->fork(*stream, [&](Stream& side) {
                device.delay(kSeconds, side);
                side.record(*side_end);
            });
            device.delay(kSeconds, *stream);
            queue->join(*stream);
            stream->record(*end);
            stream->synchronize();
            EXPECT_GE(side_end->seconds_since(*begin), kSeconds - 2e-6);
            fastest = std::min(fastest, end->seconds_since(*begin));
        }
        EXPECT_LT(fastest, 1.8 * kSeconds) << backend.name << ": one after the other";
    }
}

TEST(SideQueue, HandsOnWhatItsWorkThrows) {
    for (auto& backend : OpenBackends::opened()) {
        const auto stream = backend.device->make_stream();
        const auto queue = backend.device->make_side_queue();
        const auto throws = [&] {
            queue->fork(*stream, [](Stream&) { raise(MOE_SITE("work"), "in the way"); });
            queue->join(*stream);
        };
        EXPECT_THROW(throws(), Error) << backend.name;
        bool ran = false;
        queue->fork(*stream, [&](Stream&) { ran = true; });
        queue->join(*stream);
        EXPECT_TRUE(ran) << "after it threw";
    }
}

/// Experts whose GEMMs take a GPU a while, and fill it.
class Gemm {
public:
    explicit Gemm(Backend& backend)
        : rig_(backend),
          hidden_(backend.gpus ? 1024 : 32),
          kernels_(rig_.kernels({.rows = rows(backend),
                                 .permuted_rows = rows(backend),
                                 .hidden = hidden_,
                                 .experts = kExperts,
                                 .local_experts = kExperts,
                                 .top_k = 1,
                                 .intermediate = hidden_,
                                 .wire = DType::bf16})) {
        const auto compute = rig_.compute(DType::bf16);
        const auto matrix = [&](std::int64_t count, unsigned seed) {
            return rig_.matrix(count, hidden_, compute,
                               random_values(count * hidden_, seed, 1.0F / 512));
        };
        std::vector<std::int32_t> offsets;
        for (std::int64_t e = 0; e <= kExperts; ++e) {
            offsets.push_back(static_cast<std::int32_t>(e * rows(backend) / kExperts));
        }
        work_ = {.permuted = matrix(rows(backend), 1),
                 .offsets = rig_.array(offsets),
                 .count = kExperts,
                 .weights = {matrix(kExperts * 2 * hidden_, 2).data,
                             matrix(kExperts * hidden_, 3).data, hidden_},
                 .out = rig_.matrix(rows(backend), hidden_, compute)};
        kernels_->experts(work_, rig_.stream());
        wanted_ = rig_.read(work_.out.data, bytes());
    }
    void enqueue(Stream& stream) {
        constexpr int kTimes = 4;
        for (int i = 0; i < kTimes; ++i) kernels_->experts(work_, stream);
    }
    void poison(Stream& stream) const {
        rig_.device().fill_bytes(work_.out, std::byte{0xff}, stream);
    }
    [[nodiscard]] bool right() { return rig_.read(work_.out.data, bytes()) == wanted_; }

private:
    static constexpr std::int64_t kExperts = 8;
    static std::int64_t rows(const Backend& backend) { return backend.gpus ? 8192 : 64; }
    [[nodiscard]] std::int64_t bytes() const {
        return static_cast<std::int64_t>(work_.out.bytes());
    }

    Rig rig_;
    std::int64_t hidden_;
    std::unique_ptr<LayerKernels> kernels_;
    LayerKernels::Experts work_;
    std::vector<std::byte> wanted_;
};

/// Which of the two works of the late rank is late.
enum class Late : std::uint8_t { gemm, exchange };

/// Every strategy of a backend beside GEMMs, with one rank late for one of both.
class BesideGemms : public testing::Test {
protected:
    /// Each rank owns `times` the rows of the layout.
    static void expect_right(Backend& backend, const Layout& layout, std::int64_t times) {
        auto& device = *backend.device;
        auto& world = *backend.world;
        const auto alone = world.split(world.rank());
        std::vector<std::int64_t> rows;
        for (int rank = 0; rank < world.size(); ++rank) {
            rows.push_back(times * layout.rows(rank, world.size()));
        }
        const RowPartition owned(rows);
        const auto setup = with_table({device, world, *alone, owned, 2880, DType::bf16});
        Gemm gemm(backend);
        for (const auto* entry : combine_table()) {
            if (!entry->obstacle(setup).empty()) continue;
            SCOPED_TRACE(fmt::format("{} {} {}", backend.name, entry->name, layout.name));
            expect_right(backend, *entry, setup, gemm);
        }
    }

private:
    static void expect_right(Backend& backend, const CombineEntry& entry, const CombineSetup& setup,
                             Gemm& gemm) {
        auto& device = *backend.device;
        auto& world = *backend.world;
        const auto stream = device.make_stream();
        const auto queue = device.make_side_queue();
        const auto buffer =
            device.allocate(static_cast<std::size_t>(setup.group_rows() * setup.row_bytes()));
        const auto mine = buffer.matrix(setup.group_rows(), setup.cols, setup.dtype);
        const auto combine = entry.make(setup);
        GivenInput in(entry, setup, Given::identity,
                      backend.layer_kernels->compute_dtype(setup.dtype));
        in.make(0, *stream);
        static_cast<void>(combine->run(in.input(), mine, *stream));
        stream->synchronize();  // what happens the first time only

        Matrix result;
        const auto enqueue = [&](int late_rank, Late late) {
            const auto be_late = [&, here = world.rank() == late_rank](Late what, Stream& where) {
                if (here && late == what) device.delay(kLate, where);
            };
            queue->fork(*stream, [&](Stream& side) {
                be_late(Late::gemm, side);
                gemm.enqueue(side);
            });
            be_late(Late::exchange, *stream);
            result = combine->run(in.input(), mine, *stream);
            queue->join(*stream);
        };
        std::uint64_t seed = 0;
        const auto expect_run = [&](const std::function<void()>& run) {
            in.make(++seed, *stream);
            gemm.poison(*stream);
            device.fill_bytes(mine, std::byte{0xff}, *stream);
            stream->synchronize();
            run();
            stream->synchronize();
            EXPECT_EQ(compare_bits(device, result, in.wanted(), setup.group_first()), "");
            EXPECT_TRUE(gemm.right());
        };
        for (int rank = 0; rank < world.size(); ++rank) {
            for (const auto late : {Late::gemm, Late::exchange}) {
                SCOPED_TRACE(fmt::format("rank {} late for its {}", rank,
                                         late == Late::gemm ? "GEMM" : "exchange"));
                expect_run([&] { enqueue(rank, late); });
                if (!device.capture_obstacle().empty()) continue;
                const auto graph = stream->capture([&] { enqueue(rank, late); });
                for (int replay = 0; replay < 2; ++replay) {
                    expect_run([&] { graph->launch(*stream); });
                }
            }
        }
    }
};

TEST_F(BesideGemms, ExchangesOfFewRowsAreRightWhoeverIsLate) {
    for (auto& backend : OpenBackends::opened()) {
        for (const auto* layout : {&kUneven, &kOneHasAll}) expect_right(backend, *layout, 1);
    }
}

/// More blocks than a GPU has room for beside a GEMM, or without.
TEST_F(BesideGemms, ExchangesOfManyRowsAreRightWhoeverIsLate) {
    const bool none = std::ranges::none_of(OpenBackends::opened(), &Backend::gpus);
    if (none) GTEST_SKIP() << "no GPU to fill";
    for (auto& backend : OpenBackends::opened()) {
        if (!backend.gpus) continue;
        for (const auto* layout : {&kUneven, &kOneHasAll}) expect_right(backend, *layout, 64);
    }
}

}  // namespace
}  // namespace moe
