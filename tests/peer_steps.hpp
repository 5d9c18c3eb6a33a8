#pragma once

#include "kernels/runtime/matrix.hpp"

#include <algorithm>
#include <array>
#include <cstddef>
#include <cstdint>
#include <random>
#include <vector>

namespace moe {

/// Bytes of a step's matrix.
inline constexpr std::size_t kMostBytes = std::size_t{768} << 10U;

enum class Kernel : std::uint8_t {
    push,
    push_in_place,
    one_shot,
    two_shot,
    pull_sum,
    push_sum,
    push_sum_balanced,
    push_copy
};
inline constexpr std::uint64_t kKernels = 8;

/// Whether a rank gets its own rows only.
[[nodiscard]] inline bool of_owners(Kernel kernel) {
    return kernel == Kernel::pull_sum || kernel == Kernel::push_sum ||
           kernel == Kernel::push_sum_balanced;
}

/// One call, the same on all ranks.
struct Step {
    Kernel kernel{};
    Matrix shape;                     ///< without data
    std::vector<std::int64_t> first;  ///< [ranks + 1] rank r owns the rows from first[r] on
    bool norm{};                      ///< ends a pass of owners
    std::byte poison{};               ///< what the result holds before
    int late{};                       ///< the rank that is late on its device
    double late_seconds{};            ///< by so much; 0: nobody
    std::uint64_t seed{};             ///< of its values
};

class Steps {
public:
    Steps(int ranks, std::uint64_t seed) : ranks_(ranks), random_(seed) {}

    Step next() {
        Step step;
        step.kernel = static_cast<Kernel>(below(kKernels));
        step.shape.dtype = dtypes()[below(dtypes().size())].dtype;
        step.shape.cols = std::array<std::int64_t, 5>{1, 7, 8, 72, 4096}[below(5)];
        const auto most = static_cast<std::int64_t>(kMostBytes / step.shape.row_bytes());
        // Few rows, or up to all that there is room for.
        const auto end = below(3) == 0 ? std::min<std::int64_t>(most, 16) : most / 2;
        step.first.push_back(0);
        const auto kind = below(4);
        for (int rank = 0; rank < ranks_; ++rank) {
            step.first.push_back(step.first.back() + rows(kind, rank, end / ranks_));
        }
        step.shape.rows = step.first.back();
        step.norm = of_owners(step.kernel) && below(2) == 0;
        step.poison = below(2) == 0 ? std::byte{0xff} : std::byte{0};
        step.late = static_cast<int>(below(static_cast<std::uint64_t>(ranks_)));
        const auto how = below(8);
        if (how < 2) step.late_seconds = how == 0 ? 300e-6 : 20e-6;
        step.seed = random_();
        return step;
    }

private:
    /// Of a rank where all have as many, one has all, one has none, or each has some.
    std::int64_t rows(std::uint64_t kind, int rank, std::int64_t even) {
        if (kind == 0) return even;
        if (kind == 1) return rank == ranks_ - 1 ? even * ranks_ : 0;
        if (kind == 2 && rank == 0) return 0;
        return static_cast<std::int64_t>(below(static_cast<std::uint64_t>(even) + 1));
    }
    std::uint64_t below(std::uint64_t end) { return random_() % end; }

    int ranks_;
    std::mt19937_64 random_;
};

}  // namespace moe
