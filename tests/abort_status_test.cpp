// What stays in status.json, and what is said, when hosts that share it end early one after the
// other.
#include "bench/report/abort_status.hpp"
#include "bench/report/result_files.hpp"
#include "kernels/runtime/error.hpp"

#include <gtest/gtest.h>
#include <sys/resource.h>
#include <unistd.h>

#include <csignal>
#include <filesystem>
#include <fstream>
#include <map>
#include <string>

namespace moe {
namespace {

namespace fs = std::filesystem;

class AbortReport : public testing::Test {
protected:
    void SetUp() override {
        folder_ = fs::temp_directory_path() / ("abort_status_test_" + std::to_string(::getpid()));
        fs::create_directories(folder_);
        target_ = {"node1", true, ResultPaths::of(folder_, "", ""), "this run"};
    }
    void TearDown() override { fs::remove_all(folder_); }

    /// What a host says that ends like this after one whose word is `state`.
    std::string end(std::string_view state, const AbortReason& reason,
                    const std::string& run = "this run") {
        write_status(target_.paths.status,
                     {std::string(state), "before", run, 0, "case", {{"b", 1}}});
        testing::internal::CaptureStderr();
        report_abort(reason, target_);
        return testing::internal::GetCapturedStderr();
    }
    [[nodiscard]] RunStatus status() const { return read_status(target_.paths.status); }
    [[nodiscard]] std::string state() const { return status().state; }

    fs::path folder_;
    ReportTarget target_;
};

const AbortReason kTold{
    .state = "interrupted", .message = "ended by SIGTERM", .is_secondary = true};
const AbortReason kWaited{
    .state = "timed_out", .message = "rank 0 got stuck", .is_secondary = true};
const AbortReason kStopped{.state = "timed_out", .message = "rank 1 was stopped"};
const AbortReason kDied{.state = "failed", .message = "rank 1 died"};
const AbortReason kThrew{.state = "failed", .message = "rank 1: no", .printed = true};

TEST_F(AbortReport, TheFirstSaysHowToGoOn) {
    for (const auto& reason : {kTold, kWaited, kStopped, kDied}) {
        const auto said = end("running", reason);
        EXPECT_NE(said.find(reason.message), std::string::npos) << said;
        EXPECT_NE(said.find("--resume goes on"), std::string::npos) << said;
        EXPECT_EQ(state(), reason.state);
    }
    EXPECT_EQ(end("running", kThrew).find("rank 1"), std::string::npos) << "the rank has said it";
    EXPECT_EQ(state(), "failed");
}

TEST_F(AbortReport, WhoOnlySuffersAddsNothing) {
    for (const auto* before : {"interrupted", "timed_out", "failed", "complete", "wrong_result"}) {
        for (const auto& reason : {kTold, kWaited}) {
            EXPECT_EQ(end(before, reason), "") << before;
            EXPECT_EQ(state(), before);
        }
    }
}

TEST_F(AbortReport, WhoFailedGoesBeforeWhoWaited) {
    const auto said = end("interrupted", kDied);
    EXPECT_NE(said.find("rank 1 died, on node1"), std::string::npos) << said;
    EXPECT_EQ(said.find("--resume"), std::string::npos) << "said before: " << said;
    EXPECT_EQ(state(), "failed");
    EXPECT_NE(end("timed_out", kDied), "");
    EXPECT_EQ(state(), "failed");
    EXPECT_NE(end("failed", kStopped), "");
    EXPECT_EQ(state(), "failed");
}

TEST_F(AbortReport, LeavesAFinishedRunAndOtherRunsAlone) {
    EXPECT_NE(end("complete", kDied), "");
    EXPECT_EQ(state(), "complete");
    const auto said = end("running", kTold, "another run");
    EXPECT_EQ(said.find("--resume"), std::string::npos) << said;
    EXPECT_EQ(status().run_id, "another run");
    EXPECT_EQ(state(), "running");
    fs::remove(target_.paths.status);
    EXPECT_NE(end("running", kDied, "another run"), "");
    EXPECT_EQ(state(), "running") << "still the other's";
}

TEST_F(AbortReport, CountsTheRunsThatDiedInACase) {
    static_cast<void>(end("running", kDied));
    EXPECT_EQ(status().case_id, "case") << "the case in work stays named";
    using Deaths = std::map<std::string, int>;
    EXPECT_EQ(deaths_with(status()), (Deaths{{"b", 1}, {"case", 1}}));
    auto left = status();
    left.deaths = deaths_with(left);
    left.state = "running";  // all of it was killed
    EXPECT_EQ(deaths_with(left), (Deaths{{"b", 1}, {"case", 2}}));
    for (const auto& reason : {kTold, kWaited, kStopped}) {
        static_cast<void>(end("running", reason));
        EXPECT_EQ(deaths_with(status()), (Deaths{{"b", 1}})) << reason.state;
    }
    left.case_id.clear();
    EXPECT_EQ(deaths_with(left), left.deaths) << "between cases";
}

TEST_F(AbortReport, SaysWhyAStatusCannotBeWritten) {
    rlimit before{};
    getrlimit(RLIMIT_FSIZE, &before);
    const rlimit nothing{0, before.rlim_max};
    std::signal(SIGXFSZ, SIG_IGN);
    std::string said;
    setrlimit(RLIMIT_FSIZE, &nothing);
    try {
        write_status(target_.paths.status, {"running", "", "this run"});
    } catch (const Error& error) {
        said = error.what();
    }
    setrlimit(RLIMIT_FSIZE, &before);
    EXPECT_EQ(said, "cannot write " + target_.paths.status + ": File too large");
    EXPECT_TRUE(fs::is_empty(folder_)) << "half a file is taken away";
}

TEST(Status, IsEmptyWhereThereIsNone) {
    EXPECT_EQ(read_status("/nowhere/status.json").state, "");
    EXPECT_TRUE(deaths_with(read_status("/nowhere/status.json")).empty());
}

TEST_F(AbortReport, HintsAtOtherHostsWhereThereAreSome) {
    EXPECT_NE(end("running", kTold).find("launcher names it"), std::string::npos);
    EXPECT_NE(end("running", kWaited).find("on another host"), std::string::npos);
    EXPECT_EQ(end("running", kStopped).find("another host"), std::string::npos);
    target_.unseen_ranks = false;
    EXPECT_EQ(end("running", kTold).find("launcher"), std::string::npos);
}

}  // namespace
}  // namespace moe
