#include "comm/mpi/mpi_bootstrap.hpp"

#include "comm/mpi/mpi.hpp"
#include "kernels/runtime/narrow.hpp"

#include <array>
#include <chrono>
#include <thread>

namespace moe {
namespace {

std::string processor_name() {
    std::array<char, MPI_MAX_PROCESSOR_NAME> name{};
    int length = 0;
    MOE_MPI(MPI_Get_processor_name(name.data(), &length));
    return {name.data(), static_cast<std::size_t>(length)};
}

class MpiBootstrap final : public Bootstrap {
public:
    MpiBootstrap()
        : comm_(mpi::duplicate(MPI_COMM_WORLD)),
          rank_(mpi::rank(comm_.get())),
          size_(mpi::size(comm_.get())),
          host_names_(all_gather_strings(processor_name())) {}

    [[nodiscard]] int rank() const override { return rank_; }
    [[nodiscard]] int size() const override { return size_; }
    [[nodiscard]] const std::vector<std::string>& host_names() const override {
        return host_names_;
    }

    void barrier() override { MOE_MPI(MPI_Barrier(comm_.get())); }
    [[nodiscard]] double max(double value) override { return reduce(value, MPI_MAX); }
    [[nodiscard]] double sum(double value) override { return reduce(value, MPI_SUM); }
    [[nodiscard]] std::vector<double> gather(std::span<const double> values) override {
        const int count = narrow<int>(values.size());
        std::vector<double> all(rank_ == 0 ? values.size() * static_cast<std::size_t>(size_) : 0);
        MOE_MPI(MPI_Gather(values.data(), count, MPI_DOUBLE, all.data(), count, MPI_DOUBLE, 0,
                           comm_.get()));
        return all;
    }
    [[nodiscard]] double broadcast(double value) override {
        MOE_MPI(MPI_Bcast(&value, 1, MPI_DOUBLE, 0, comm_.get()));
        return value;
    }
    [[nodiscard]] std::string broadcast(const std::string& text) override {
        return broadcast_from(0, text);
    }
    [[nodiscard]] std::string first_nonempty(const std::string& text) override {
        int lowest = text.empty() ? size_ : rank_;
        MOE_MPI(MPI_Allreduce(MPI_IN_PLACE, &lowest, 1, MPI_INT, MPI_MIN, comm_.get()));
        return lowest == size_ ? std::string() : broadcast_from(lowest, text);
    }
    [[nodiscard]] std::vector<std::string> all_gather_strings(const std::string& text) override {
        std::vector<std::string> texts;
        for (int rank = 0; rank < size_; ++rank) texts.push_back(broadcast_from(rank, text));
        return texts;
    }
    void send(double value, int to) override {
        MOE_MPI(MPI_Send(&value, 1, MPI_DOUBLE, to, 0, comm_.get()));
    }
    [[nodiscard]] double receive(int from) override {
        double value = 0;
        MOE_MPI(MPI_Recv(&value, 1, MPI_DOUBLE, from, 0, comm_.get(), MPI_STATUS_IGNORE));
        return value;
    }

private:
    [[nodiscard]] double reduce(double value, MPI_Op op) {
        MOE_MPI(MPI_Allreduce(MPI_IN_PLACE, &value, 1, MPI_DOUBLE, op, comm_.get()));
        return value;
    }
    /// Waits for what `start` begins, after a moment of polling asleep most of the time: a text may
    /// be the work of seconds, for which the others would take the processors from its rank.
    template <class Start>
    static void wait_idly(Start&& start) {
        constexpr int kPolls = 1000;
        constexpr std::chrono::microseconds kNap{500};
        MPI_Request request = MPI_REQUEST_NULL;
        start(&request);
        int done = 0;
        for (int polls = 0;; ++polls) {
            MOE_MPI(MPI_Test(&request, &done, MPI_STATUS_IGNORE));
            if (done != 0) return;
            if (polls > kPolls) std::this_thread::sleep_for(kNap);
        }
    }
    [[nodiscard]] std::string broadcast_from(int root, const std::string& text) {
        auto length = narrow<int>(text.size());
        wait_idly([&](MPI_Request* done) {
            MOE_MPI(MPI_Ibcast(&length, 1, MPI_INT, root, comm_.get(), done));
        });
        std::string shared =
            rank_ == root ? text : std::string(static_cast<std::size_t>(length), 0);
        MOE_MPI(MPI_Bcast(shared.data(), length, MPI_CHAR, root, comm_.get()));
        return shared;
    }

    mpi::UniqueComm comm_;
    int rank_;
    int size_;
    std::vector<std::string> host_names_;
};

}  // namespace

std::unique_ptr<Bootstrap> make_mpi_bootstrap() {
    return std::make_unique<MpiBootstrap>();
}

}  // namespace moe
