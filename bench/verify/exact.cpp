#include "bench/verify/exact.hpp"

#include <fmt/format.h>

#include <algorithm>
#include <cstring>

namespace moe {
namespace {

std::uint64_t hash(std::uint64_t seed, std::int64_t row, std::int64_t col, int rank) {
    auto x = seed + static_cast<std::uint64_t>(row) * 0x9e3779b97f4a7c15U +
             static_cast<std::uint64_t>(col) * 0xc2b2ae3d27d4eb4fU +
             static_cast<std::uint64_t>(rank) * 0x165667b19e3779f9U;
    x = (x ^ (x >> 31U)) * 0xbf58476d1ce4e5b9U;
    return x ^ (x >> 29U);
}

}  // namespace

ExactData::ExactData(DType dtype, int ranks, std::uint64_t seed)
    : dtype_(dtype), ranks_(ranks), seed_(seed) {
    const auto largest = traits(dtype).largest_integer;
    constexpr std::int64_t kMax = 8;
    stride_ = (ranks + largest - 1) / largest;
    const auto contributors = (ranks + stride_ - 1) / stride_;
    magnitude_ = std::min(kMax, largest / contributors);
}

std::int64_t ExactData::value(std::int64_t row, std::int64_t col, int rank) const {
    if ((rank + row + col) % stride_ != 0) return 0;
    const auto choices = static_cast<std::uint64_t>(2 * magnitude_ + 1);
    return static_cast<std::int64_t>(hash(seed_, row, col, rank) % choices) - magnitude_;
}

std::int64_t ExactData::sum(std::int64_t row, std::int64_t col) const {
    std::int64_t sum = 0;
    for (int rank = 0; rank < ranks_; ++rank) sum += value(row, col, rank);
    return sum;
}

std::vector<std::byte> ExactData::contribution(std::int64_t first, std::int64_t rows,
                                               std::int64_t cols, int rank) const {
    return encode_rows(dtype_, first, rows, cols,
                       [&](auto row, auto col) { return value(row, col, rank); });
}

std::vector<std::byte> ExactData::sums(std::int64_t first, std::int64_t rows,
                                       std::int64_t cols) const {
    return encode_rows(dtype_, first, rows, cols,
                       [&](auto row, auto col) { return sum(row, col); });
}

std::vector<std::byte> rough_data(DType dtype, std::int64_t rows, std::int64_t cols, int rank,
                                  std::uint64_t seed) {
    return encode_rows(dtype, 0, rows, cols, [&](auto row, auto col) {
        constexpr double kHalf = 0x1p63;
        return static_cast<double>(hash(seed, row, col, rank)) / kHalf - 1;
    });
}

std::string compare_bits(Device& device, const Matrix& got, const std::vector<std::byte>& want,
                         std::int64_t first) {
    if (got.bytes() != want.size()) {
        return fmt::format("{} bytes of result instead of {}", got.bytes(), want.size());
    }
    std::vector<std::byte> bytes(got.bytes());
    device.download(got.data, bytes.data(), bytes.size());
    if (bytes == want) return {};
    return visit_dtype(got.dtype, [&](auto tag) {
        using T = typename decltype(tag)::type;
        const auto* is = reinterpret_cast<const T*>(bytes.data());
        const auto* should = reinterpret_cast<const T*>(want.data());
        std::int64_t wrong = 0;
        std::int64_t at = -1;
        for (std::int64_t i = 0; i < got.elements(); ++i) {
            const auto at_byte = static_cast<std::size_t>(i) * sizeof(T);
            if (std::memcmp(&bytes[at_byte], &want[at_byte], sizeof(T)) == 0) continue;
            if (wrong++ == 0) at = i;
        }
        return fmt::format("row {} column {} is {}, not {}; {} of {} elements are wrong",
                           first + at / got.cols, at % got.cols, static_cast<float>(is[at]),
                           static_cast<float>(should[at]), wrong, got.elements());
    });
}

}  // namespace moe
