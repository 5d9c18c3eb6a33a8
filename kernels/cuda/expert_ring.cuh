// The expert rows that a worker's ring brings it where it sums up what it pushes, in their order.
#pragma once

#include "kernels/cuda/push_weighted.cuh"
#include "kernels/cuda/row_ring.cuh"

namespace moe::cuda {

/// What a worker does in a turn: adds up its own pieces' slices of its turn before, sends a slice
/// to each helper, and takes what was forwarded two of its turns before.
enum class Work : std::uint8_t { add, send, take };
struct Unit {
    Work work;
    const WeightedPiece* piece;
    int slice;  ///< of the piece
};
/// The turns of a call go round its workers, each time to the next one, since pieces that have a
/// part in every other turn, say, would otherwise be the work of every other worker.
class Course {
public:
    __device__ Course(const PlanView<WeightedPiece>& plan, int worker, int workers)
        : plan_(plan), workers_(workers), place_(worker), turn_(worker) {
        end_ = (plan.turns + workers - 1) / workers * workers + (plan.takes > 0 ? 2 : 1) * workers;
    }

    [[nodiscard]] __device__ bool next(Unit& unit) {
        for (;;) {
            const int step = step_++;
            int turn = turn_;
            if (step < plan_.own) {
                turn = before_;
                unit = {Work::add, &plan_.at[plan_.first + step], 0};
            } else if (step < plan_.count) {
                unit = {Work::send, &plan_.to_send(step - plan_.own), 0};
            } else if (step < plan_.count + plan_.takes) {
                turn = before_that_;
                unit = {Work::take, &plan_.at[plan_.taken[step - plan_.count]], 0};
            } else {
                go_on();
                if (turn_ >= end_) return false;
                continue;
            }
            if (turn < 0 || turn >= plan_.turns) continue;
            unit.slice = plan_.part(*unit.piece, turn);
            if (unit.slice >= 0) return true;
        }
    }

private:
    __device__ void go_on() {
        step_ = 0;
        before_that_ = before_;
        before_ = turn_;
        turn_ += workers_ + 1;
        if (++place_ < workers_) return;
        place_ = 0;
        turn_ -= workers_;
    }

    const PlanView<WeightedPiece>& plan_;
    int workers_;
    int place_;  ///< in the present round of turns
    int turn_, before_{-1}, before_that_{-1}, end_, step_{};
};

/// The slice of a weighted sum that a unit makes, if it makes one.
struct Summed {
    bool any{};
    int entry{}, end{};          ///< of WeightedRows
    unsigned offset{}, bytes{};  ///< of its slice, in a row

    __device__ void find(const Unit& unit, const WeightedRows& rows, const RowShape& shape) {
        const auto slice = shape.slice(unit.slice);
        any = unit.work != Work::take && slice.row < unit.piece->rows;
        if (!any) return;
        entry = rows.offsets[unit.piece->first + slice.row];
        end = rows.offsets[unit.piece->first + slice.row + 1];
        offset = slice.of_row * kSliceBytes;
        bytes = min(static_cast<unsigned>(shape.bytes) - offset, kSliceBytes);
    }
};

/// Fills a ring, by one warp. It loads where a row's entries begin two units ahead, and the
/// entries, one a lane, one unit ahead, so that it waits for neither.
class Filler {
public:
    __device__ Filler(Ring& ring, const Course& course, const WeightedRows& rows,
                      const std::byte* dense, const RowShape& shape)
        : ring_(ring), course_(course), rows_(rows), dense_(dense), shape_(shape) {}

    __device__ void run() {
        Summed now{}, then{};
        bool more = find_next(now);
        auto entry = entry_of(now.entry, now.end);
        bool more_then = more && find_next(then);
        while (more) {
            const auto entry_then = more_then ? entry_of(then.entry, then.end) : Entry{};
            Summed later{};
            const bool more_later = more_then && find_next(later);
            issue(now, entry);
            now = then;
            then = later;
            entry = entry_then;
            more = more_then;
            more_then = more_later;
        }
    }

private:
    struct Entry {
        int index;
        float weight;
    };

    /// The next unit that sums.
    __device__ bool find_next(Summed& summed) {
        Unit unit{};
        do {
            if (!course_.next(unit)) return false;
            summed.find(unit, rows_, shape_);
        } while (!summed.any);
        return true;
    }
    /// The lane's of those from `first` on.
    [[nodiscard]] __device__ Entry entry_of(int first, int end) const {
        const int i = first + lane_;
        return i < end ? Entry{rows_.indices[i], rows_.weights[i]} : Entry{};
    }
    /// `entry`: the lane's, of the first ones.
    __device__ void issue(const Summed& summed, Entry entry) {
        if (summed.entry >= summed.end) put(summed, {}, -1);
        for (int i = summed.entry; i < summed.end; ++i) {
            const int of = (i - summed.entry) % kWarp;
            if (of == 0 && i > summed.entry) entry = entry_of(i, summed.end);
            put(summed,
                {__shfl_sync(kAllLanes, entry.index, of), __shfl_sync(kAllLanes, entry.weight, of)},
                summed.end - 1 - i);
        }
    }
    __device__ void put(const Summed& summed, const Entry& entry, int left) {
        auto& full = ring_.full[stage_.at];
        ring_.empty[stage_.at].wait((stage_.round + 1) % 2);
        if (lane_ == 0) {
            ring_.weight[stage_.at] = entry.weight;
            ring_.left[stage_.at] = left;
            if (left < 0) {
                full.arrive();
            } else {
                full.arrive_and_expect(summed.bytes);
                hopper::bulk_load(ring_.slice[stage_.at],
                                  dense_ + entry.index * shape_.bytes + summed.offset, summed.bytes,
                                  full, policy_);
            }
        }
        __syncwarp();
        stage_.next();
    }

    Ring& ring_;
    Course course_;
    const WeightedRows& rows_;
    const std::byte* dense_;
    const RowShape& shape_;
    Stage stage_;
    int lane_ = static_cast<int>(threadIdx.x) % kWarp;
    std::uint64_t policy_ = hopper::evict_first_policy();
};

}  // namespace moe::cuda
