// What times work on a device: the gate that holds it back, the clock that counts from there, and
// graphs. On every backend that has them.
#include "bench/measure/region_chain.hpp"
#include "bench/measure/region_timer.hpp"
#include "comm/mpi/mpi_bootstrap.hpp"
#include "comm/named_table.hpp"
#include "tests/auto_tables.hpp"
#include "tests/backends.hpp"
#include "tests/given_input.hpp"
#include "tests/layouts.hpp"

#include <gtest/gtest.h>

#include <algorithm>
#include <chrono>
#include <thread>

namespace moe {
namespace {

/// The backends of which `has` is true.
template <class Has>
std::vector<Backend*> backends_with(Has&& has) {
    std::vector<Backend*> all;
    for (auto& backend : OpenBackends::opened()) {
        if (has(*backend.device)) all.push_back(&backend);
    }
    return all;
}

bool has_gate(Device& device) {
    return device.make_stream_gate() != nullptr;
}
bool has_graphs(Device& device) {
    return device.capture_obstacle().empty();
}

/// A stream, and work for it that takes a device some ten microseconds a time.
struct Fills {
    explicit Fills(Device& one)
        : device(one), stream(one.make_stream()), buffer(one.allocate(std::size_t{64} << 20U)) {}
    void enqueue(int times) const {
        for (int i = 0; i < times; ++i) device.clear(matrix(), *stream);
    }
    [[nodiscard]] Matrix matrix() const { return buffer.matrix(4096, 4096, DType::f32); }

    Device& device;
    std::unique_ptr<Stream> stream;
    Buffer buffer;
};

TEST(StreamGate, HoldsBackWhatIsEnqueuedBehindIt) {
    const auto backends = backends_with(has_gate);
    if (backends.empty()) GTEST_SKIP() << "no device that works while the host goes on";
    for (auto* backend : backends) {
        auto& device = *backend->device;
        const auto stream = device.make_stream();
        const auto gate = device.make_stream_gate();
        const auto buffer = device.allocate(64);
        const auto words = buffer.matrix(1, 16, DType::f32);
        const auto first_byte = [&] {
            std::byte value{};
            device.download(words.data, &value, 1);
            return value;
        };
        device.clear(words, *stream);
        stream->synchronize();
        for (int round = 1; round <= 3; ++round) {
            gate->close(*stream);
            device.fill_bytes(words, std::byte(round), *stream);
            std::this_thread::sleep_for(std::chrono::milliseconds(20));
            EXPECT_EQ(first_byte(), std::byte(round - 1)) << "was not held back";
            gate->open();
            stream->synchronize();
            EXPECT_EQ(first_byte(), std::byte(round));
        }
    }
}

TEST(StreamGate, GivesUpAfterTheTimeoutAndSaysSo) {
    constexpr double kTimeout = 6;
    for (const auto* backend : backends_with(has_gate)) {
        const auto own =
            find_backend(backend->name).open({.share_gpu = true, .timeout_seconds = kTimeout});
        const auto stream = own.device->make_stream();
        const auto gate = own.device->make_stream_gate();
        gate->close(*stream);
        const auto begin = std::chrono::steady_clock::now();
        stream->synchronize();  // nobody opens
        const std::chrono::duration<double> waited = std::chrono::steady_clock::now() - begin;
        EXPECT_GT(waited.count(), kTimeout);
        EXPECT_THROW(gate->close(*stream), Error);
    }
}

TEST(RegionTimer, CountsTheDevicesTimeAndNotTheHosts) {
    const auto backends = backends_with(has_gate);
    if (backends.empty()) GTEST_SKIP() << "no device that works while the host goes on";
    const auto bootstrap = make_mpi_bootstrap();
    Timeline timeline(*bootstrap, true);
    for (auto* backend : backends) {
        const Fills fills(*backend->device);
        RegionTimer timer(fills.device, timeline, *fills.stream);
        ASSERT_TRUE(timer.by_device(1));
        EXPECT_FALSE(timer.by_device(5000)) << "more than a queue holds";
        const auto seconds = [&](int times) {
            const auto region = [&] {
                fills.enqueue(times);
                std::this_thread::sleep_for(std::chrono::milliseconds(30));
            };
            const auto stamp = timer.time("fills", region, true);
            return stamp.exit - stamp.arrival;
        };
        static_cast<void>(seconds(1));
        const double few = seconds(4);
        const double many = seconds(40);
        EXPECT_GT(few, 0);
        EXPECT_LT(few, 30e-3) << "the host's sleep was counted";
        EXPECT_GT(many, 3 * few) << "ten times the work";
    }
}

TEST(Delay, HoldsBackWhatIsEnqueuedBehindIt) {
    for (auto& backend : OpenBackends::opened()) {
        auto& device = *backend.device;
        const auto stream = device.make_stream();
        const auto before = device.make_event();
        const auto after = device.make_event();
        for (const double seconds : {0.0, 1e-4, 5e-3}) {
            device.delay(seconds, *stream);
            stream->record(*before);
            device.delay(seconds, *stream);
            stream->record(*after);
            stream->synchronize();
            // The device's clock may advance in steps of a microsecond.
            EXPECT_GE(after->seconds_since(*before), seconds - 2e-6) << backend.name;
        }
    }
}

TEST(RegionTimer, ADelayComesBeforeTheArrival) {
    constexpr double kDelay = 20e-3;
    const auto bootstrap = make_mpi_bootstrap();
    Timeline timeline(*bootstrap, true);
    for (auto& backend : OpenBackends::opened()) {
        auto& device = *backend.device;
        const auto stream = device.make_stream();
        const auto buffer = device.allocate(64);
        const auto words = buffer.matrix(1, 16, DType::f32);
        RegionTimer timer(device, timeline, *stream);
        for (const bool by_device : {false, true}) {
            if (by_device && !timer.by_device(1)) continue;
            const auto region = [&] { device.clear(words, *stream); };
            double shortest = kDelay;
            for (int attempt = 0; attempt < 5; ++attempt) {
                timeline.wait_for_common_start();
                const double start = timeline.now();
                const auto stamp = timer.time("clear", region, by_device, kDelay);
                EXPECT_GE(stamp.arrival - start, kDelay - 2e-6);
                EXPECT_LE(stamp.exit, timeline.now());
                shortest = std::min(shortest, stamp.exit - stamp.arrival);
            }
            EXPECT_LT(shortest, kDelay / 2) << "the delay was counted";
        }
    }
}

TEST(RegionChain, ReplaysEveryStrategyBitForBit) {
    const auto backends = backends_with(has_graphs);
    if (backends.empty()) GTEST_SKIP() << "no backend with graphs";
    for (auto* backend : backends) {
        auto& device = *backend->device;
        auto& world = *backend->world;
        const auto stream = device.make_stream();
        const auto alone = world.split(world.rank());
        for (const auto& layout : kLayouts) {
            const auto owned = partition_of(layout, world.size(), 1);
            const auto setup = with_table({device, world, *alone, owned, 2880, DType::bf16});
            const auto own =
                device.allocate(static_cast<std::size_t>(setup.group_rows() * setup.row_bytes()));
            const auto mine = own.matrix(setup.group_rows(), setup.cols, setup.dtype);
            for (const auto* entry : combine_table()) {
                if (!entry->obstacle(setup).empty()) continue;
                const auto combine = entry->make(setup);
                GivenInput in(*entry, setup, Given::identity,
                              backend->layer_kernels->compute_dtype(setup.dtype));
                const auto region = [&] { return combine->run(in.input(), mine, *stream); };
                in.make(0, *stream);
                static_cast<void>(region());
                stream->synchronize();
                for (const bool isolated : {true, false}) {
                    RegionChain chain(
                        {device, world, *stream, 3, isolated}, [] {}, region);
                    for (std::uint64_t run = 0; run < 3; ++run) {
                        in.make(run, *stream);
                        device.fill_bytes(mine, std::byte{0xff}, *stream);
                        chain.launch();
                        stream->synchronize();
                        EXPECT_EQ(
                            compare_bits(device, chain.result(), in.wanted(), setup.group_first()),
                            "")
                            << entry->name << " " << layout.name << ", replay " << run;
                        EXPECT_EQ(chain.seconds().size(), isolated ? 3U : 0U);
                    }
                }
            }
        }
    }
}

TEST(RegionChain, TimesEachRegionWithoutWhatPreparesIt) {
    const auto backends = backends_with(has_graphs);
    if (backends.empty()) GTEST_SKIP() << "no backend with graphs";
    for (auto* backend : backends) {
        const Fills fills(*backend->device);
        const auto longest = [&](int prepared, int timed) {
            RegionChain chain(
                {fills.device, *backend->world, *fills.stream, 4, true},
                [&] { fills.enqueue(prepared); },
                [&] {
                    fills.enqueue(timed);
                    return fills.matrix();
                });
            for (int i = 0; i < 3; ++i) chain.launch();
            fills.stream->synchronize();
            const auto seconds = chain.seconds();
            EXPECT_EQ(seconds.size(), 4U);
            return *std::max_element(seconds.begin(), seconds.end());
        };
        const double few = longest(0, 4);
        EXPECT_GT(few, 0);
        EXPECT_LT(longest(40, 4), 3 * few) << "what prepares was timed";
        EXPECT_GT(longest(0, 40), 3 * few) << "ten times the work";
    }
}

TEST(RegionChain, BeginsOnAllRanksWhenTheLastHasCome) {
    const auto backends = backends_with(has_graphs);
    if (backends.empty()) GTEST_SKIP() << "no backend with graphs";
    for (auto* backend : backends) {
        // Rank 0 comes late to every region; that is nobody's time.
        const Fills fills(*backend->device);
        const int late = backend->world->rank() == 0 ? 100 : 0;
        RegionChain chain(
            {fills.device, *backend->world, *fills.stream, 4, true}, [&] { fills.enqueue(late); },
            [&] {
                fills.device.clear(fills.matrix().slice(0, 1), *fills.stream);
                return fills.matrix();
            });
        chain.launch();
        fills.stream->synchronize();
        for (const double seconds : chain.seconds()) EXPECT_LT(seconds, 1e-3);
    }
}

TEST(Capture, LeavesTheStreamUsableWhenItFails) {
    for (auto* backend : backends_with(has_graphs)) {
        auto& device = *backend->device;
        const auto stream = device.make_stream();
        const auto buffer = device.allocate(64);
        const auto words = buffer.matrix(1, 16, DType::f32);
        EXPECT_THROW(static_cast<void>(stream->capture([&] {
                         device.clear(words, *stream);
                         raise(MOE_SITE("body"), "in the way");
                     })),
                     Error);
        device.fill_bytes(words, std::byte{7}, *stream);
        stream->synchronize();
        std::byte value{};
        device.download(words.data, &value, 1);
        EXPECT_EQ(value, std::byte{7});
    }
}

TEST(Capture, TheHostSaysThatItHasNone) {
    for (auto& backend : OpenBackends::opened()) {
        if (backend.gpus) continue;
        EXPECT_NE(backend.device->capture_obstacle(), "");
        EXPECT_THROW(static_cast<void>(backend.device->make_stream()->capture([] {})), Error);
    }
}

}  // namespace
}  // namespace moe
