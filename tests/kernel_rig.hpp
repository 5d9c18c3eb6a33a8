#pragma once

#include "kernels/runtime/layer_kernels.hpp"
#include "tests/backends.hpp"

#include <fmt/format.h>
#include <gtest/gtest.h>

#include <cmath>
#include <cstdint>
#include <random>
#include <vector>

namespace moe {

/// Values that every type holds exactly, around 1 in size.
inline std::vector<float> random_values(std::int64_t count, unsigned seed,
                                        float scale = 1.0F / 64) {
    std::mt19937 random(seed);
    std::vector<float> values(static_cast<std::size_t>(count));
    for (auto& value : values) {
        value = scale * static_cast<float>(static_cast<int>(random() % 128U) - 64);
    }
    return values;
}

/// Memory of a backend with values in one of its types.
class Rig {
public:
    explicit Rig(Backend& backend) : backend_(backend), stream_(backend.device->make_stream()) {}

    [[nodiscard]] Device& device() const { return *backend_.device; }
    [[nodiscard]] Stream& stream() const { return *stream_; }
    [[nodiscard]] DType compute(DType wire) const {
        return backend_.layer_kernels->compute_dtype(wire);
    }
    [[nodiscard]] std::unique_ptr<LayerKernels> kernels(const LayerDims& dims) const {
        return backend_.layer_kernels->make(device(), dims);
    }

    /// Kept until the rig goes.
    Matrix matrix(std::int64_t rows, std::int64_t cols, DType dtype) {
        auto& buffer = buffers_.emplace_back(
            device().allocate(static_cast<std::size_t>(rows * cols) * size_of(dtype)));
        const auto view = buffer.matrix(rows, cols, dtype);
        constexpr std::byte kPoison{0xff};
        device().fill_bytes(view, kPoison, *stream_);
        stream_->synchronize();
        return view;
    }
    Matrix matrix(std::int64_t rows, std::int64_t cols, DType dtype,
                  const std::vector<float>& values) {
        const auto view = matrix(rows, cols, dtype);
        visit_dtype(dtype, [&](auto tag) {
            using T = typename decltype(tag)::type;
            std::vector<T> rounded;
            for (const float value : values) rounded.push_back(T(value));
            device().upload(reinterpret_cast<const std::byte*>(rounded.data()), view.data,
                            view.bytes());
        });
        return view;
    }
    template <class T>
    T* array(const std::vector<T>& values) {
        auto& buffer = buffers_.emplace_back(device().allocate(values.size() * sizeof(T)));
        device().upload(reinterpret_cast<const std::byte*>(values.data()), buffer.data(),
                        buffer.bytes());
        return buffer.template as<T>();
    }
    template <class T>
    std::vector<T> read(const T* from, std::int64_t count) {
        stream_->synchronize();
        std::vector<T> values(static_cast<std::size_t>(count));
        device().download(reinterpret_cast<const std::byte*>(from),
                          reinterpret_cast<std::byte*>(values.data()), values.size() * sizeof(T));
        return values;
    }
    std::vector<float> read(const Matrix& matrix) {
        return visit_dtype(matrix.dtype, [&](auto tag) {
            using T = typename decltype(tag)::type;
            std::vector<float> wide;
            for (const T value : read(matrix.as<T>(), matrix.elements())) {
                wide.push_back(static_cast<float>(value));
            }
            return wide;
        });
    }

private:
    Backend& backend_;
    std::unique_ptr<Stream> stream_;
    std::vector<Buffer> buffers_;
};

inline float at(const std::vector<float>& matrix, std::int64_t cols, std::int64_t row,
                std::int64_t col) {
    return matrix[static_cast<std::size_t>(row * cols + col)];
}

/// Of a row of `a` and one of `w`, both of `depth` columns.
inline double dot(const std::vector<float>& a, std::int64_t row, const std::vector<float>& w,
                  std::int64_t weight_row, std::int64_t depth) {
    double sum = 0;
    for (std::int64_t d = 0; d < depth; ++d) {
        sum += static_cast<double>(at(a, depth, row, d)) *
               static_cast<double>(at(w, depth, weight_row, d));
    }
    return sum;
}

inline double sigmoid(double x) {
    return 1 / (1 + std::exp(-x));
}

/// What a sum of values around 1 may be off by once it was stored a few times.
inline double tolerance(DType dtype) {
    return dtype == DType::f32 ? 1e-5 : 4 * traits(dtype).unit_roundoff;
}

/// visit(rig, type of the rows) for every backend that is here and every type.
template <class Visit>
void for_each_backend(Visit&& visit) {
    for (auto& backend : OpenBackends::opened()) {
        for (const auto& type : dtypes()) {
            SCOPED_TRACE(fmt::format("{} {}", backend.name, type.name));
            Rig rig(backend);
            visit(rig, type.dtype);
        }
    }
}

}  // namespace moe
