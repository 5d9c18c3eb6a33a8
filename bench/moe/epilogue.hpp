#pragma once

#include "kernels/runtime/device.hpp"

#include <cstddef>
#include <cstdint>
#include <string_view>

namespace moe {

/// What every output step ends with, whatever the strategy: nothing, or what the next layer of a
/// model does first with the rows that came. A strategy may do it in its last pass
/// (CombineEntry::fuses_norm); after all others it is a kernel of its own.
enum class Epilogue : std::uint8_t { none, residual_norm };
[[nodiscard]] std::string_view to_string(Epilogue epilogue);

/// The residual connection and RMSNorm of one rank's rows, with memory for them.
class ResidualNormStep {
public:
    /// Of rows [rows, cols]. Makes a residual, and weights around 1.
    ResidualNormStep(Device& device, std::int64_t rows, std::int64_t cols, DType dtype);

    /// Enqueues Device::residual_norm of `rows`, which stay as they are.
    void run(const Matrix& rows, Stream& stream) { device_->residual_norm(of(rows), stream); }
    /// Operands of run().
    [[nodiscard]] ResidualNorm of(const Matrix& rows) const;
    /// Fills what run() writes with bytes that are NaN in every type.
    void poison(Stream& stream);

    /// Bytes that the constructor allocates.
    [[nodiscard]] static std::size_t bytes(std::int64_t rows, std::int64_t cols, DType dtype);

private:
    Device* device_;
    Buffer residual_, weight_, hidden_, normed_;
    ResidualNorm operands_;  ///< but for the rows
};

}  // namespace moe
