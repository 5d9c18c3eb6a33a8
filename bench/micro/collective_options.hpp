#pragma once

#include "kernels/runtime/matrix.hpp"

#include <cstdint>
#include <string>
#include <vector>

namespace moe {

/// Back to back, calls of one batch, and those before anything is timed.
constexpr int kCallsInARow = 20, kWarmUps = 3;

/// What the command line of bench_collectives asks for.
struct CollectiveOptions {
    std::string backend{"host"};
    /// Bytes of a matrix, and by how much each is larger than the one before.
    std::int64_t smallest{std::int64_t{16} << 10U}, largest{std::int64_t{64} << 20U}, factor{4};
    std::vector<std::int64_t> listed;  ///< bytes in place of these
    std::vector<std::int64_t> sms;     ///< 0: as many as the library chooses
    bool share_gpu{};
    bool warm{};
    bool nccl_tests{};              ///< rows in the columns of nccl-tests
    int check{1};                   ///< with nccl_tests: 0: results are not checked
    std::string json;               ///< file for them; empty: none
    std::string help;               ///< what was asked for instead
    std::vector<std::string> rest;  ///< Google Benchmark's

    /// Those listed, else from the smallest by the factor, and the largest. At least what
    /// matrix_of() makes of few bytes.
    [[nodiscard]] std::vector<std::int64_t> sizes(std::int64_t ranks) const;
};

/// A BadArgument for anything wrong but Google Benchmark's options.
[[nodiscard]] CollectiveOptions parse_collective_options(int argc, char** argv);

/// Rows of about `bytes` in all, bf16: as many for each rank, at least one; in each 4 KiB, or what
/// there is for a rank, in whole vectors of 16 bytes. No memory.
[[nodiscard]] Matrix matrix_of(std::int64_t bytes, std::int64_t ranks);

}  // namespace moe
