// Right strategies on a rank that dies, stops or hangs in its n-th exchange, or has no memory for
// the n-th that it makes, when a test asks for it: MOE_FAULT="ACTION RANK CALL". For seeing that a
// job ends, and says which rank it was, whatever the others wait in; or goes on, as it should.
#include "comm/combine/combine.hpp"

#include <unistd.h>

#include <chrono>
#include <csignal>
#include <cstdlib>
#include <new>
#include <sstream>
#include <string>
#include <thread>

namespace moe {
namespace {

struct Fault {
    std::string action;
    int rank{-1};
    int call{};
};

Fault asked_for() {
    Fault fault;
    if (const char* text = std::getenv("MOE_FAULT")) {
        std::istringstream(text) >> fault.action >> fault.rank >> fault.call;
    }
    return fault;
}

void commit(const std::string& action) {
    if (action == "kill") std::raise(SIGKILL);
    if (action == "stop") std::raise(SIGSTOP);
    if (action == "crash") std::raise(SIGSEGV);
    if (action == "throw") throw Error("told to fail");
    if (action == "memory") throw std::bad_alloc();
    if (action == "refuse") throw LibraryError("a peer is gone");
    if (action == "die-slowly") {
        // The others' library has noticed before the kernel says that this one is dead.
        std::this_thread::sleep_for(std::chrono::milliseconds(500));
        std::raise(SIGKILL);
    }
    while (action == "hang") pause();
}

class Misbehaves final : public Combine {
public:
    Misbehaves(const CombineEntry& right, const CombineSetup& setup)
        : right_(right.make(setup)), rank_(setup.world.rank()), fault_(asked_for()) {}
    Matrix run(const CombineInput& in, const Matrix& mine, Stream& stream) override {
        static int calls = 0;  // the verifier makes a second one
        if (++calls == fault_.call) {
            if (rank_ == fault_.rank) commit(fault_.action);
            if (fault_.action == "die-slowly") commit("refuse");
        }
        return right_->run(in, mine, stream);
    }

private:
    std::unique_ptr<Combine> right_;
    int rank_;
    Fault fault_;
};

Cost no_cost(const CombineSetup& /*setup*/) {
    return {};
}

std::unique_ptr<Combine> make(const CombineEntry& right, const CombineSetup& setup) {
    static int calls = 0;
    const auto fault = asked_for();
    if (++calls == fault.call && setup.world.rank() == fault.rank) {
        if (fault.action == "unmade") throw OutOfMemory("none for what misbehaves");
        if (fault.action == "unmade-on-host") throw std::bad_alloc();
    }
    return std::make_unique<Misbehaves>(right, setup);
}

}  // namespace

extern const CombineEntry all_reduce_slice, all_reduce_push_dp_scatter, reduce_scatterv_peer,
    reduce_scatterv_push, reduce_scatterv_fused, reduce_scatterv_fused_pull;

namespace {

/// `kRight`, unless MOE_FAULT says otherwise.
template <const CombineEntry& kRight>
constexpr CombineEntry misbehaving(std::string_view name, std::string_view summary, Form form) {
    return {.name = name,
            .summary = summary,
            .form = form,
            .obstacle = [](const CombineSetup& setup) { return kRight.obstacle(setup); },
            .cost = no_cost,
            .make = [](const CombineSetup& setup) { return make(kRight, setup); },
            .input = [](const CombineSetup& setup) { return kRight.input(setup); }};
}

}  // namespace

extern const CombineEntry misbehaves;
constinit const CombineEntry misbehaves =
    misbehaving<all_reduce_slice>("misbehaves", "the others wait in the library", Form::all_reduce);
extern const CombineEntry misbehaves_peer;
constinit const CombineEntry misbehaves_peer = misbehaving<reduce_scatterv_peer>(
    "misbehaves_peer", "the others wait in peers' barriers", Form::reduce_scatter);
extern const CombineEntry misbehaves_push;
constinit const CombineEntry misbehaves_push = misbehaving<reduce_scatterv_push>(
    "misbehaves_push", "the others wait for rows in their inboxes", Form::reduce_scatter);
extern const CombineEntry misbehaves_fused;
constinit const CombineEntry misbehaves_fused = misbehaving<reduce_scatterv_fused>(
    "misbehaves_fused", "the others wait for rows that are summed on the way",
    Form::reduce_scatter);
extern const CombineEntry misbehaves_fused_pull;
constinit const CombineEntry misbehaves_fused_pull = misbehaving<reduce_scatterv_fused_pull>(
    "misbehaves_fused_pull", "the others wait until all expert rows are there",
    Form::reduce_scatter);
extern const CombineEntry misbehaves_all_reduce_push;
constinit const CombineEntry misbehaves_all_reduce_push = misbehaving<all_reduce_push_dp_scatter>(
    "misbehaves_all_reduce_push", "the others wait for matrices in their inboxes",
    Form::all_reduce);

}  // namespace moe
