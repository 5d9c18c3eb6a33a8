// The table that reduce_scatterv_auto chooses by: which row is near, which of its strategies runs,
// and what a file of it may hold. On one rank.
#include "comm/combine/auto_table.hpp"
#include "bench/tune/auto_table_file.hpp"
#include "bench/tune/cached_combine.hpp"
#include "bench/tune/measure_auto_table.hpp"
#include "bench/tune/tune_points.hpp"
#include "comm/named_table.hpp"
#include "tests/backends.hpp"
#include "tests/counting_device.hpp"

#include <fmt/format.h>
#include <gtest/gtest.h>
#include <nlohmann/json.hpp>

#include <functional>
#include <string>
#include <string_view>
#include <vector>

namespace moe {
namespace {

using nlohmann::json;

const CombineEntry& entry(std::string_view name) {
    return find_named(combine_table(), name, "combine");
}

constexpr std::int64_t kKilo = 1024;

AutoTable::Row row(Exchange exchange, std::string_view fastest, std::string_view second) {
    return {exchange, {{&entry(second), 2}, {&entry(fastest), 1}}};
}

/// Fastest: push for small even exchanges, collapse for large ones, peer where one has all.
AutoTable small_table() {
    const Exchange even{DType::bf16, false, 0, 4 * kKilo, 0.25};
    auto large = even;
    large.bytes = kKilo * kKilo;
    auto hot = even;
    hot.largest_share = 1;
    return AutoTable({row(even, "reduce_scatterv_push", "reduce_scatterv_peer"),
                      row(large, "reduce_scatterv_collapse", "reduce_scatterv_push"),
                      row(hot, "reduce_scatterv_peer", "reduce_scatterv_push")});
}

std::string_view fastest_at(const Exchange& exchange) {
    const auto table = small_table();
    const auto* nearest = table.nearest(exchange);
    return nearest == nullptr ? "" : nearest->times.front().entry->name;
}

TEST(AutoTable, TakesTheRowThatIsNearestInDoublingsAndInShare) {
    const Exchange near_small{DType::bf16, false, 0, 60 * kKilo, 0.3};
    EXPECT_EQ(fastest_at(near_small), "reduce_scatterv_push") << "4 KiB * 16 = 1 MiB / 16";
    auto near_large = near_small;
    near_large.bytes = 70 * kKilo;
    EXPECT_EQ(fastest_at(near_large), "reduce_scatterv_collapse");
    auto hot = near_small;
    hot.largest_share = 0.9;
    EXPECT_EQ(fastest_at(hot), "reduce_scatterv_peer");
    const Exchange tiny{DType::bf16, false, 0, 0, 0.25};
    EXPECT_EQ(fastest_at(tiny), "reduce_scatterv_push") << "no rows at all";
}

TEST(AutoTable, NeverTakesARowOfAnotherSetting) {
    const Exchange exchange{DType::bf16, false, 0, 4 * kKilo, 0.25};
    for (const auto& change : {std::function([](Exchange& other) { other.dtype = DType::f32; }),
                               std::function([](Exchange& other) { other.captured = true; }),
                               std::function([](Exchange& other) { other.sms = 8; })}) {
        auto other = exchange;
        change(other);
        EXPECT_EQ(fastest_at(other), "") << setting_text(other);
    }
    EXPECT_EQ(setting_text({DType::f32, true, 8, 1, 1}), "f32, CUDA graph, 8 SMs");
    EXPECT_EQ(setting_text(exchange), "bf16, eager");
}

/// The setup of one rank's 2 rows of 1024 bf16.
class AutoEntry : public testing::Test {
protected:
    [[nodiscard]] CombineSetup setup(const AutoTable* table, DType dtype = DType::bf16) {
        return {*backend_.device,
                *backend_.world,
                *backend_.world,
                owned_,
                kKilo,
                dtype,
                false,
                0,
                table};
    }
    Backend& backend_ = OpenBackends::opened().front();
    RowPartition owned_{std::vector<std::int64_t>{2}};
    const CombineEntry& auto_ = entry("reduce_scatterv_auto");
};

TEST_F(AutoEntry, IsTheChosenEntryInAllItsParts) {
    const auto table = small_table();
    const auto setup = this->setup(&table);
    EXPECT_EQ(auto_.obstacle(setup), "");
    // The only rank owns everything, which is the row of a hot owner.
    EXPECT_EQ(auto_.variant(setup), "reduce_scatterv_peer");
    EXPECT_EQ(auto_.input(setup), entry("reduce_scatterv_peer").input(setup));
    EXPECT_EQ(auto_.cost(setup).memory_bytes,
              entry("reduce_scatterv_peer").cost(setup).memory_bytes);
}

TEST_F(AutoEntry, PassesOverWhatCannotRun) {
    const Exchange here{DType::bf16, false, 0, 4 * kKilo, 1};
    const CombineEntry never{
        .name = "never",
        .summary = "has an obstacle",
        .form = Form::reduce_scatter,
        .obstacle = [](const CombineSetup&) -> std::string { return "always"; },
        .cost = [](const CombineSetup&) { return Cost{}; },
        .make = nullptr};
    const AutoTable two({{here, {{&never, 1}, {&entry("reduce_scatterv_native"), 2}}}});
    EXPECT_EQ(auto_.variant(setup(&two)), "reduce_scatterv_native");
    const AutoTable none({{here, {{&never, 1}}}});
    EXPECT_NE(auto_.obstacle(setup(&none)), "");
    EXPECT_EQ(auto_.variant(setup(&none)), "");
}

TEST_F(AutoEntry, SaysWhyThereIsNoChoice) {
    EXPECT_EQ(auto_.obstacle(setup(nullptr)), "no table says which strategy is the fastest");
    EXPECT_EQ(auto_.variant(setup(nullptr)), "");
    EXPECT_GE(auto_.cost(setup(nullptr)).workspace_bytes,
              entry("reduce_scatterv_push").cost(setup(nullptr)).workspace_bytes);
    const auto table = small_table();
    EXPECT_EQ(auto_.obstacle(setup(&table, DType::f32)),
              "the table of strategies has no rows for f32, eager");
}

const TableOrigin kHere{"host", "a processor", 4, "isolated"};

AutoTable read(const json& file, const TableOrigin& here = kHere) {
    return parse_auto_table(file.dump(), "t.json", here);
}

TEST(AutoTableFile, ReadsWhatItWrote) {
    const auto table = small_table();
    const auto again = read(table_to_json(table, kHere));
    ASSERT_EQ(again.rows().size(), table.rows().size());
    for (std::size_t i = 0; i < table.rows().size(); ++i) {
        const auto& [exchange, times] = again.rows()[i];
        const auto& wanted = table.rows()[i];
        EXPECT_TRUE(exchange.comparable(wanted.exchange));
        EXPECT_EQ(exchange.distance(wanted.exchange), 0);
        ASSERT_EQ(times.size(), 2U);
        for (std::size_t place = 0; place < 2; ++place) {
            EXPECT_EQ(times[place].entry, wanted.times[place].entry) << "the fastest first";
            EXPECT_EQ(times[place].us, wanted.times[place].us);
        }
    }
}

TEST(AutoTableFile, SaysWhatIsWrong) {
    struct Bad {
        std::string pointer;
        json value;
        std::string said;
    };
    const auto good = table_to_json(small_table(), kHere);
    for (const auto& [pointer, value, said] : std::vector<Bad>{
             {"/schema_version", 2, "schema_version 2; this program reads 1"},
             {"/backend", "cuda", "a table of backend 'cuda', and this run has 'host'"},
             {"/device", "another", "a table of device 'another', and this run has 'a processor'"},
             {"/ranks", 8, "a table of ranks '8', and this run has '4'"},
             {"/ranks", "four", "'ranks' is \"four\"; a whole number from 1 on is wanted"},
             {"/mode", "pipelined", "a table of mode 'pipelined'"},
             {"/rows", "none", "'rows' is no list"},
             {"/rows/1", 7, "row 2: 7, not an object"},
             {"/rows/0/dtype", "fp4", "row 1: no dtype is named 'fp4'; there are: f32, bf16, f16"},
             {"/rows/0/graph", "maybe", "'graph' is 'maybe'; there are: off, on"},
             {"/rows/0/sms", -1, "'sms' is -1; a whole number from 0 on is wanted"},
             {"/rows/0/bytes", 0.5, "'bytes' is 0.5; a whole number from 1 on is wanted"},
             {"/rows/0/bytes", 18446744073709551615U, "a whole number from 1 on is wanted"},
             {"/rows/0/largest_share", 1.5, "a number above 0, up to 1 is wanted"},
             {"/rows/0/us", json::object(), "'us' holds no times"},
             {"/rows/0/us/reduce_scatterv_push", 0, "is 0; a number above 0 is wanted"},
             {"/rows/0/us/nccl", 3, "no combine is named 'nccl'; there are: "},
             {"/rows/0/us/all_reduce_slice", 3, "only forms of reduce_scatter can be chosen"},
             {"/rows/0/us/reduce_scatterv_auto", 3, "only forms of reduce_scatter can be chosen"},
         }) {
        auto bad = good;
        bad[json::json_pointer(pointer)] = value;
        try {
            static_cast<void>(read(bad));
            ADD_FAILURE() << pointer << " = " << value << " was taken";
        } catch (const BadArgument& error) {
            const std::string_view text = error.what();
            EXPECT_EQ(text.find("table of strategies 't.json'"), 0U) << text;
            EXPECT_NE(text.find(said), std::string_view::npos) << text;
        }
    }
}

TEST(AutoTableFile, SaysWhatIsMissingOrNoTableAtAll) {
    const auto message = [](const std::string& text) -> std::string {
        try {
            static_cast<void>(parse_auto_table(text, "t.json", kHere));
        } catch (const BadArgument& error) {
            return error.what();
        }
        return "taken";
    };
    for (const auto* text : {"", "{", "no table", "\xff"}) {
        EXPECT_EQ(message(text),
                  "table of strategies 't.json': no JSON; wanted is what a run with "
                  "reduce_scatterv_auto wrote");
    }
    EXPECT_EQ(message("[1]"), "table of strategies 't.json': [1], not an object");
    for (const auto* key : {"schema_version", "backend", "rows"}) {
        auto file = table_to_json(small_table(), kHere);
        file.erase(key);
        EXPECT_EQ(message(file.dump()),
                  fmt::format("table of strategies 't.json': '{}' is missing", key));
    }
}

Case case_of(std::int64_t tokens, std::string_view load) {
    Case params;
    params.shape = {.hidden = 512, .experts = 4, .top_k = 2, .intermediate = 8};
    params.dp = params.ep = 4;
    params.dtype = DType::bf16;
    params.load = Load(std::string(load));
    params.tokens = tokens;
    return params;
}

TEST(MeasureAutoTable, TakesNoSmallExchangeForOneThatGrowsWithItsBytes) {
    const auto seconds = [](std::int64_t smaller, std::int64_t bytes) {
        const Exchange exchange{DType::bf16, false, 0, smaller, 0.5};
        const auto& any = entry("reduce_scatterv_push");
        return point_seconds({exchange, {{&any, 4000}, {&any, 6000}}}, bytes);
    };
    const double same = seconds(kKilo, kKilo);
    EXPECT_GT(same, 0);
    EXPECT_EQ(seconds(kKilo, 16 * kKilo), same) << "milliseconds for a KiB say that ranks wait";
    EXPECT_EQ(seconds(kKilo * kKilo, 16 * kKilo * kKilo), 16 * same);
    EXPECT_EQ(seconds(kKilo, 128 * kKilo), 2 * same);
}
TEST(TunePoints, AreTheSweepsOwnExchangesButForThoseNearAnother) {
    const std::vector<Case> cases{case_of(64, "balanced"), case_of(16, "hot"),
                                  case_of(16, "balanced"), case_of(16, "balanced"),
                                  case_of(20, "balanced"), case_of(0, "balanced")};
    const auto points = tune_points(cases, 4);
    ASSERT_EQ(points.size(), 3U);
    EXPECT_EQ(points[0].params, &cases[2]) << "smaller first; the same ones and 20 tokens are near";
    EXPECT_EQ(points[1].params, &cases[1]);
    EXPECT_EQ(points[2].params, &cases[0]);
    EXPECT_EQ(points[1].exchange.largest_share, 1);
    EXPECT_EQ(points[2].exchange.bytes, 64 * kKilo);
    EXPECT_EQ(points[2].owned.largest(), 16);
    EXPECT_EQ(table_seconds(cases, 4), 3 * table_seconds({&cases[0], 1}, 4));
}

TEST(TunePoints, AreFewInLongSweepsAndSpanThem) {
    std::vector<Case> cases;
    for (std::int64_t tokens = 1; tokens <= 1 << 20; tokens *= 2) {
        for (const auto* load : {"balanced", "linear", "zipf:1", "zipf:2", "idle:1", "hot"}) {
            cases.push_back(case_of(tokens, load));
        }
    }
    const auto points = tune_points(cases, 4);
    EXPECT_LE(points.size(), 32U);
    EXPECT_GE(points.size(), 12U);
    EXPECT_EQ(points.front().params->tokens, 1);
    EXPECT_GE(points.back().params->tokens, 1 << 18);
}

TEST(CachedCombine, WritesEveryRowFromTheMemoryThatItCounts) {
    for (auto& backend : OpenBackends::opened()) {
        auto& device = *backend.device;
        const auto stream = device.make_stream();
        for (const auto dtype : {DType::bf16, DType::f32}) {
            const CachedCombine::Shape shape{.rows = 5,
                                             .cols = 264,
                                             .entries = 3,
                                             .dtype = backend.layer_kernels->compute_dtype(dtype)};
            CountedTraffic traffic(1);
            CountingDevice counting(device, traffic, 0);
            const CachedCombine counted(counting, shape);
            EXPECT_EQ(traffic.of(0).workspace_bytes, CachedCombine::bytes(shape));

            const CachedCombine combine(device, shape);
            const auto bytes = static_cast<std::size_t>(shape.rows * shape.cols) * size_of(dtype);
            auto buffer = device.allocate(bytes);
            const auto to = buffer.matrix(shape.rows, shape.cols, dtype);
            device.fill_bytes(to, std::byte{0xff}, *stream);
            combine.run(to, *stream);
            stream->synchronize();
            std::vector<std::byte> got(bytes);
            device.download(to.data, got.data(), bytes);
            EXPECT_EQ(got, std::vector<std::byte>(bytes)) << backend.name;
        }
    }
}

}  // namespace
}  // namespace moe
