#include "bench/tune/cached_combine.hpp"

#include "kernels/runtime/narrow.hpp"

#include <vector>

namespace moe {
namespace {

/// Expert rows: some hundred KiB at most.
constexpr std::int64_t kExpertRows = 8;

std::size_t entries_of(const CachedCombine::Shape& shape) {
    return static_cast<std::size_t>(shape.rows * shape.entries);
}

std::size_t expert_bytes(const CachedCombine::Shape& shape) {
    return static_cast<std::size_t>(kExpertRows * shape.cols) * size_of(shape.dtype);
}

template <class T>
Buffer uploaded(Device& device, const std::vector<T>& values) {
    auto buffer = device.allocate(values.size() * sizeof(T));
    device.upload(reinterpret_cast<const std::byte*>(values.data()), buffer.data(), buffer.bytes());
    return buffer;
}

}  // namespace

std::size_t CachedCombine::bytes(const Shape& shape) {
    const auto offsets = static_cast<std::size_t>(shape.rows + 1) * sizeof(std::int32_t);
    return offsets + entries_of(shape) * (sizeof(std::int32_t) + sizeof(float)) +
           expert_bytes(shape);
}

CachedCombine::CachedCombine(Device& device, const Shape& shape) : device_(&device) {
    std::vector<std::int32_t> offsets, indices;
    for (std::int64_t row = 0; row <= shape.rows; ++row) {
        offsets.push_back(narrow<std::int32_t>(row * shape.entries));
    }
    for (std::size_t entry = 0; entry < entries_of(shape); ++entry) {
        indices.push_back(static_cast<std::int32_t>(entry % kExpertRows));
    }
    offsets_ = uploaded(device, offsets);
    indices_ = uploaded(device, indices);
    weights_ = uploaded(device, std::vector<float>(entries_of(shape), 1.0F));
    rows_ = {shape.rows, offsets_.as<std::int32_t>(), indices_.as<std::int32_t>(),
             weights_.as<float>()};
    dense_ = uploaded(device, std::vector<std::byte>(expert_bytes(shape)));
    expert_rows_ = dense_.matrix(kExpertRows, shape.cols, shape.dtype);
}

void CachedCombine::run(const Matrix& to, Stream& stream) const {
    device_->weighted_sum(rows_, expert_rows_, to, stream);
}

}  // namespace moe
