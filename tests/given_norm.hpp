#pragma once

#include "kernels/runtime/device.hpp"
#include "tests/same_values.hpp"

#include <fmt/format.h>

#include <cstddef>
#include <cstdint>
#include <cstring>
#include <functional>
#include <random>
#include <string>
#include <string_view>
#include <vector>

namespace moe {

/// A residual norm of some rows, for passes that do it beside something else: what they make of it
/// has to have the bits that the device's own kernel makes of the same rows.
class GivenNorm {
public:
    /// Of `rows`, which others fill. Makes a residual, and weights around 1.
    GivenNorm(Device& device, const Matrix& rows, std::uint64_t seed = 1)
        : device_(device), random_(seed) {
        given_ = {.rows = rows,
                  .residual = random_matrix(rows.rows, rows, 0),
                  .weight = random_matrix(1, rows, 1),
                  .eps = 1e-5F,
                  .hidden = matrix(rows.rows, rows),
                  .normed = matrix(rows.rows, rows)};
        wanted_ = given_;
        wanted_.hidden = matrix(rows.rows, rows);
        wanted_.normed = matrix(rows.rows, rows);
    }

    [[nodiscard]] const ResidualNorm& operands() const { return given_; }
    /// Fills what the pass writes.
    void poison(std::byte value, Stream& stream) {
        device_.fill_bytes(given_.hidden, value, stream);
        device_.fill_bytes(given_.normed, value, stream);
    }
    /// What is wrong first with what the pass made of the rows that are there now; empty where
    /// nothing is.
    [[nodiscard]] std::string wrong(Stream& stream) {
        return wrong([&](const ResidualNorm& norm) {
            device_.residual_norm(norm, stream);
            stream.synchronize();
        });
    }
    /// The same where the kernel of its own is another one than the device's.
    [[nodiscard]] std::string wrong(const std::function<void(const ResidualNorm&)>& residual_norm) {
        residual_norm(wanted_);
        auto found = difference("residual sum", given_.hidden, wanted_.hidden);
        return found.empty() ? difference("RMSNorm", given_.normed, wanted_.normed) : found;
    }

private:
    Matrix matrix(std::int64_t rows, const Matrix& like) {
        const auto bytes = static_cast<std::size_t>(rows) * like.row_bytes();
        return buffers_.emplace_back(device_.allocate(bytes)).matrix(rows, like.cols, like.dtype);
    }
    Matrix random_matrix(std::int64_t rows, const Matrix& like, float middle) {
        const auto made = matrix(rows, like);
        visit_dtype(like.dtype, [&](auto tag) {
            using T = typename decltype(tag)::type;
            std::vector<T> values(static_cast<std::size_t>(made.elements()));
            for (auto& value : values) {
                value =
                    T(middle + static_cast<float>(static_cast<int>(random_() % 255) - 127) / 256);
            }
            device_.upload(reinterpret_cast<const std::byte*>(values.data()), made.data,
                           made.bytes());
        });
        return made;
    }
    template <class T>
    [[nodiscard]] std::vector<T> downloaded(const Matrix& matrix) const {
        std::vector<T> values(static_cast<std::size_t>(matrix.elements()));
        device_.download(matrix.data, reinterpret_cast<std::byte*>(values.data()), matrix.bytes());
        return values;
    }
    [[nodiscard]] std::string difference(std::string_view what, const Matrix& is,
                                         const Matrix& want) const {
        return visit_dtype(is.dtype, [&](auto tag) -> std::string {
            using T = typename decltype(tag)::type;
            const auto got = downloaded<T>(is);
            const auto wanted = downloaded<T>(want);
            // All at once first: nearly always all bits are the same.
            if (got.empty() || std::memcmp(got.data(), wanted.data(), is.bytes()) == 0) return {};
            for (std::size_t i = 0; i < got.size(); ++i) {
                if (same_values(got[i], wanted[i])) continue;
                const auto cols = static_cast<std::size_t>(is.cols);
                return fmt::format("{}: row {} column {} is {}, not {}", what, i / cols, i % cols,
                                   static_cast<float>(got[i]), static_cast<float>(wanted[i]));
            }
            return {};
        });
    }

    Device& device_;
    std::mt19937_64 random_;
    std::vector<Buffer> buffers_;
    ResidualNorm given_, wanted_;
};

}  // namespace moe
