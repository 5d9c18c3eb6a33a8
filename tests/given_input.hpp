#pragma once

#include "comm/combine/combine.hpp"
#include "comm/combine/combine_inputs.hpp"
#include "comm/combine/weighted_layout.hpp"
#include "tests/given_rows.hpp"

#include <algorithm>
#include <array>
#include <cstddef>
#include <cstdint>
#include <limits>
#include <memory>
#include <optional>
#include <utility>
#include <vector>

namespace moe {

/// One rank's weighted rows in device memory, with as much more as a real layer leaves unused.
class ExpertRows {
public:
    /// Collective where `reach` is asked for. `compute`: the type of expert rows when rows travel
    /// as the setup's.
    ExpertRows(const CombineSetup& setup, DType compute, std::optional<Reach> reach)
        : device_(setup.device), rank_(setup.world.rank()), rows_(setup.owned.total()) {
        const WeightedLayout layout{rows_, rows_ * GivenRows::kMaxEntries, setup.cols, compute};
        if (reach) {
            memory_ = setup.world.make_peer_memory(layout.bytes(), *reach);
            input_ = layout.at(memory_->data(), memory_.get());
        } else {
            buffer_ = device_.allocate(layout.bytes());
            input_ = layout.at(buffer_.data(), nullptr);
        }
        const auto& made_of = input_.weights;
        arrays_ = {input_.rows.data, reinterpret_cast<std::byte*>(made_of.offsets),
                   reinterpret_cast<std::byte*>(made_of.indices),
                   reinterpret_cast<std::byte*>(made_of.weights)};
    }

    [[nodiscard]] const CombineInput& input() const { return input_; }

    /// What no row is made of is no number.
    void upload(const GivenRows& given) {
        const auto& dense = input_.rows;
        std::vector<std::byte> values(dense.bytes(), std::byte{0xff});
        std::vector<std::int32_t> offsets{0};
        std::vector<std::int32_t> indices;
        std::vector<float> weights;
        for (std::int64_t row = 0; row < rows_; ++row) {
            for (int entry = 0; entry < given.entries(row, rank_); ++entry) {
                const auto index = given.index(row, entry, rows_);
                const auto bytes = encode_rows(
                    dense.dtype, row, 1, dense.cols,
                    [&](auto of_row, auto col) { return given.value(of_row, entry, col, rank_); });
                std::ranges::copy(bytes, &values[static_cast<std::size_t>(index) * bytes.size()]);
                indices.push_back(static_cast<std::int32_t>(index));
                weights.push_back(static_cast<float>(given.weight(row, entry)));
            }
            offsets.push_back(static_cast<std::int32_t>(indices.size()));
        }
        indices.resize(static_cast<std::size_t>(dense.rows), -1);
        weights.resize(indices.size(), std::numeric_limits<float>::quiet_NaN());
        uploaded_ = {std::move(values), bytes_of(offsets), bytes_of(indices), bytes_of(weights)};
        for (std::size_t i = 0; i < kArrays; ++i) {
            device_.upload(uploaded_[i].data(), arrays_[i], uploaded_[i].size());
        }
    }
    /// Whether all of it is as it was uploaded.
    [[nodiscard]] bool intact() const {
        for (std::size_t i = 0; i < kArrays; ++i) {
            std::vector<std::byte> bytes(uploaded_[i].size());
            device_.download(arrays_[i], bytes.data(), bytes.size());
            if (bytes != uploaded_[i]) return false;
        }
        return true;
    }

private:
    template <class T>
    static std::vector<std::byte> bytes_of(const std::vector<T>& values) {
        const auto* first = reinterpret_cast<const std::byte*>(values.data());
        return {first, first + values.size() * sizeof(T)};
    }

    static constexpr std::size_t kArrays = 4;  ///< expert rows, offsets, indices, weights

    Device& device_;
    int rank_;
    std::int64_t rows_;
    UniquePeerMemory memory_;
    Buffer buffer_;
    std::array<std::byte*, kArrays> arrays_{};
    std::array<std::vector<std::byte>, kArrays> uploaded_;
    CombineInput input_;
};

/// What one strategy is given, and what it has to make of it.
class GivenInput {
public:
    /// Collective, without an obstacle. `compute`: the type of expert rows.
    GivenInput(const CombineEntry& entry, const CombineSetup& setup, Given given, DType compute)
        : setup_(setup),
          given_(given),
          needs_(entry.input(setup)),
          experts_(setup, compute, needs_.weighted() ? needs_.reach : std::nullopt),
          inputs_(setup_, experts_.input()),
          input_(inputs_.of(needs_)) {}

    /// Whether the strategy reads anything that is made in this way.
    [[nodiscard]] bool applies() const { return !weighted() || given_ != Given::partial_sums; }
    [[nodiscard]] const CombineInput& input() const { return input_; }

    /// Makes the input of one run, which a seed tells from others.
    void make(std::uint64_t seed, Stream& stream) {
        auto& device = setup_.device;
        const int rank = setup_.world.rank();
        rows_.emplace(given_, setup_.dtype, setup_.world.size(), seed);
        partial_sums_ =
            encode_rows(setup_.dtype, 0, setup_.owned.total(), setup_.cols,
                        [&](auto row, auto col) { return rows_->partial_sum(row, col, rank); });
        if (given_ == Given::partial_sums) {
            device.upload(partial_sums_.data(), input_.rows.data, partial_sums_.size());
            return;
        }
        experts_.upload(*rows_);
        if (weighted()) return;
        device.weighted_sum(experts_.input().weights, experts_.input().rows, input_.rows, stream);
    }
    /// Whether the input is as make() left it.
    [[nodiscard]] bool intact() const {
        if (weighted()) return experts_.intact();
        return compare_bits(setup_.device, input_.rows, partial_sums_, 0).empty();
    }
    /// The group's rows of what the strategy has to give.
    [[nodiscard]] std::vector<std::byte> wanted() const {
        return encode_rows(setup_.dtype, setup_.group_first(), setup_.group_rows(), setup_.cols,
                           [&](auto row, auto col) { return rows_->sum(row, col); });
    }

private:
    [[nodiscard]] bool weighted() const { return needs_.weighted(); }

    CombineSetup setup_;
    Given given_;
    InputNeeds needs_;
    ExpertRows experts_;
    CombineInputs inputs_;
    CombineInput input_;
    std::optional<GivenRows> rows_;
    std::vector<std::byte> partial_sums_;
};

}  // namespace moe
