// What a trace says of steps, and the file that it is written to.
#include "bench/moe/layer.hpp"
#include "bench/report/step_trace.hpp"
#include "kernels/runtime/error.hpp"

#include <fmt/format.h>
#include <gtest/gtest.h>
#include <unistd.h>
#include <nlohmann/json.hpp>

#include <filesystem>
#include <fstream>
#include <iterator>
#include <string>
#include <vector>

namespace moe {
namespace {

namespace fs = std::filesystem;
using nlohmann::json;

/// A step of gather, experts and combine, from the moments at which they begin and end.
RankStep step_of(double arrival, const std::vector<double>& gather,
                 const std::vector<double>& experts, const std::vector<double>& combine) {
    RankStep step{arrival, combine[1], std::vector<PhaseRecorder::Times>(phase::kAll.size())};
    const auto set = [&](std::string_view name, const std::vector<double>& from_to) {
        const auto at = std::ranges::find(phase::kAll, name) - phase::kAll.begin();
        step.phases[static_cast<std::size_t>(at)] = {from_to[0] - arrival, from_to[1] - from_to[0]};
    };
    set(phase::kGather, gather);
    set(phase::kExperts, experts);
    set(phase::kCombine, combine);
    return step;
}

std::vector<std::string> texts_of(const TraceTrack& track) {
    std::vector<std::string> texts;
    for (const auto& slice : track.slices) {
        texts.push_back(fmt::format("{} {} {:g} {:g}", slice.category, slice.name, slice.begin,
                                    slice.duration));
    }
    return texts;
}

TEST(StepTrace, HasATrackForEachRankWithWaitingApart) {
    const std::vector<RankStep> ranks{step_of(100, {100, 103}, {103, 105}, {105, 120}),
                                      step_of(101, {101, 103}, {103, 113}, {113, 120}),
                                      step_of(100, {100, 103}, {103, 106}, {106, 110})};
    const auto tracks = tracks_of(ranks);
    ASSERT_EQ(tracks.size(), 3U);
    using Texts = std::vector<std::string>;
    EXPECT_EQ(tracks[0].name, "rank 0");
    EXPECT_EQ(texts_of(tracks[0]), (Texts{"wait wait 0 1", "phase gather 1 2", "phase experts 3 2",
                                          "wait wait 5 8", "phase combine 13 7"}));
    EXPECT_EQ(tracks[1].name, "rank 1");
    EXPECT_EQ(texts_of(tracks[1]),
              (Texts{"phase gather 1 2", "phase experts 3 10", "phase combine 13 7"}));
    EXPECT_EQ(texts_of(tracks[2]), (Texts{"wait wait 0 1", "phase gather 1 2", "phase experts 3 3",
                                          "phase combine 6 4"}))
        << "left before the last rank came";
}

class TraceFileTest : public ::testing::Test {
protected:
    void SetUp() override { fs::create_directory(folder_); }
    void TearDown() override { fs::remove_all(folder_); }
    [[nodiscard]] std::string path(const std::string& name) const { return folder_ / name; }
    [[nodiscard]] static std::string text_of(const std::string& file) {
        std::ifstream stream(file);
        return {std::istreambuf_iterator<char>(stream), {}};
    }

private:
    fs::path folder_{fs::temp_directory_path() / fmt::format("trace_test-{}", getpid())};
};

TEST_F(TraceFileTest, IsOneJsonArrayWhenItEndsAndOneButForItsEndBefore) {
    const auto file = path("t.json");
    {
        StepTrace trace(file);
        trace.begin();
        const auto ranks = std::vector{step_of(1, {1, 2}, {2, 3}, {3, 5})};
        trace.append("case \"one\"\n", std::vector<TracedStep>{{"a", ranks}, {"b", ranks}});
        trace.append("two", std::vector<TracedStep>{{"a", ranks}});
        EXPECT_EQ(json::parse(text_of(file) + "]").size(),
                  json::parse(text_of(file) + "\n]").size());
    }
    const auto events = json::parse(text_of(file));
    std::vector<std::string> headings;
    std::vector<double> begins;
    for (const auto& event : events) {
        if (event["name"] == "process_name") headings.push_back(event["args"]["name"]);
        if (event["name"] == "gather") begins.push_back(event["ts"]);
    }
    EXPECT_EQ(headings,
              (std::vector<std::string>{"case \"one\"\n | a", "case \"one\"\n | b", "two | a"}));
    EXPECT_EQ(begins, (std::vector<double>{0, 0, 4.4e6})) << "one case behind the other, us";
}

TEST_F(TraceFileTest, ReplacesATraceOnceItBegins) {
    const auto file = path("t.json");
    {
        TraceFile first(file);
        first.begin();
        first.append("first", {});
    }
    const auto before = text_of(file);
    { const TraceFile refused(file); }
    EXPECT_EQ(text_of(file), before);
    { TraceFile(file).begin(); }
    EXPECT_EQ(json::parse(text_of(file)), json::array());
}

TEST_F(TraceFileTest, LeavesNothingWhereItNeverBegan) {
    { const TraceFile file(path("t.json")); }
    EXPECT_FALSE(fs::exists(path("t.json")));
}

TEST_F(TraceFileTest, RefusesWhatCannotBeWrittenOrIsSomethingElse) {
    std::ofstream(path("results.csv")) << "schema_version,run_id\n";
    EXPECT_THROW(TraceFile(path("results.csv")), BadArgument);
    EXPECT_EQ(text_of(path("results.csv")), "schema_version,run_id\n");
    EXPECT_THROW(TraceFile(path("no/t.json")), BadArgument);
    EXPECT_THROW(TraceFile(path(".")), BadArgument);
}

}  // namespace
}  // namespace moe
