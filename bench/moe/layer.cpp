#include "bench/moe/layer.hpp"

#include <algorithm>
#include <numeric>
#include <vector>

namespace moe {
namespace {

/// Of the rank that has most, and one row for each row of the layer at least, also where no rank
/// has experts.
std::int64_t capacity_of(const LayerPlan& plan) {
    const auto local =
        std::max({plan.shard.experts.size(), plan.shard.most_experts, std::int64_t{1}});
    return plan.rows * std::min<std::int64_t>(plan.shape.top_k, local);
}

LayerDims dims_of(const LayerPlan& plan) {
    return {.rows = plan.rows,
            .permuted_rows = capacity_of(plan),
            .hidden = plan.shape.hidden,
            .experts = plan.shape.experts,
            .local_experts = plan.shard.experts.size(),
            .top_k = plan.shape.top_k,
            .intermediate = plan.shard.intermediate.size(),
            .shared_intermediate = plan.shard.shared.size(),
            .wire = plan.wire,
            .scoring = plan.shape.scoring};
}

}  // namespace

/// Bytes of each buffer: the one place that both the estimate and the constructor read.
struct MoeLayer::Sizes {
    Sizes(const LayerPlan& plan, const LayerKernelsFactory& kernels) {
        const auto h = plan.shape.hidden;
        const auto k = plan.shape.top_k;
        const auto rows = plan.rows;
        const auto capacity = capacity_of(plan);
        const auto wire = static_cast<std::int64_t>(size_of(plan.wire));
        const auto compute = static_cast<std::int64_t>(size_of(kernels.compute_dtype(plan.wire)));
        constexpr std::int64_t kWord = 4;  // an int32 index or an f32 weight

        valid = of(rows);
        input = of(plan.own_rows * h * wire);
        matrix = of(rows * h * wire);
        chosen = of(rows * k * kWord);
        row_words = of(rows * kWord);
        expert_offsets = of((plan.shard.experts.size() + 1) * kWord);
        permuted = of(capacity * h * compute);
        weighted = weighted_layout(plan, kernels).bytes();
        result = of(plan.group_rows * h * wire);
        if (plan.epilogue == Epilogue::residual_norm) {
            epilogue = ResidualNormStep::bytes(plan.group_rows, h, plan.wire);
        }
    }
    static std::size_t of(std::int64_t bytes) { return static_cast<std::size_t>(bytes); }
    [[nodiscard]] std::size_t total() const {
        return valid + input + matrix + 2 * chosen + row_words + expert_offsets + permuted +
               weighted + result + epilogue;
    }

    std::size_t valid, input, matrix, chosen, row_words, expert_offsets, permuted, weighted, result;
    std::size_t epilogue{};
};

MoeLayer::MoeLayer(const LayerPlan& plan, const Parts& parts)
    : plan_(plan),
      device_(parts.device),
      weights_(parts.weights),
      weighted_layout_(weighted_layout(plan, parts.kernels)),
      weighted_memory_(parts.weighted_reach ? parts.world.make_peer_memory(weighted_layout_.bytes(),
                                                                           *parts.weighted_reach)
                                            : nullptr),
      gathered_(device_, parts.world, parts.gathered_reach, plan.rows, plan.shape.hidden,
                plan.wire),
      kernels_(parts.kernels.make(device_, dims_of(plan))),
      compute_(parts.kernels.compute_dtype(plan.wire)),
      capacity_(capacity_of(plan)),
      copy_(weights_.size()) {
    const Sizes sizes(plan, parts.kernels);
    valid_ = device_.allocate(sizes.valid);
    input_ = device_.allocate(sizes.input);
    chosen_ = device_.allocate(sizes.chosen);
    chosen_weight_ = device_.allocate(sizes.chosen);
    shared_weight_ = device_.allocate(sizes.row_words);
    expert_offsets_ = device_.allocate(sizes.expert_offsets);
    permuted_ = device_.allocate(sizes.permuted);
    result_ = device_.allocate(sizes.result);
    if (weighted_memory_) {
        weighted_ = weighted_layout_.at(weighted_memory_->data(), weighted_memory_.get());
    } else {
        weighted_buffer_ = device_.allocate(sizes.weighted);
        weighted_ = weighted_layout_.at(weighted_buffer_.data(), nullptr);
    }
    if (plan.epilogue == Epilogue::residual_norm) {
        epilogue_.emplace(device_, plan.group_rows, plan.shape.hidden, plan.wire);
    }

    std::vector<std::uint8_t> valid;
    for (const auto token : parts.row_map.token_of_row()) valid.push_back(token < 0 ? 0 : 1);
    device_.upload(reinterpret_cast<const std::byte*>(valid.data()), valid_.data(), valid.size());
}

std::size_t MoeLayer::bytes(const LayerPlan& plan, const LayerKernelsFactory& kernels) {
    return Sizes(plan, kernels).total() + kernels.scratch_bytes(dims_of(plan));
}

WeightedLayout MoeLayer::weighted_layout(const LayerPlan& plan,
                                         const LayerKernelsFactory& kernels) {
    const auto shared_rows = plan.shape.shared_intermediate > 0 ? plan.rows : 0;
    return {plan.rows, capacity_of(plan) + shared_rows, plan.shape.hidden,
            kernels.compute_dtype(plan.wire)};
}

ExpertsKernel MoeLayer::experts_kernel(const LayerPlan& plan, const LayerKernelsFactory& kernels) {
    return kernels.experts_kernel(dims_of(plan));
}

Matrix MoeLayer::forward(Gather& gather, const OutputStep& output, Stream& stream, Trace& trace) {
    Matrix result;
    for (std::size_t layer = 0; layer < layers(); ++layer) {
        result = forward_layer(layer, gather, output, stream, trace);
    }
    return result;
}

Matrix MoeLayer::forward_layer(std::size_t layer, Gather& gather, const OutputStep& output,
                               Stream& stream, Trace& trace) {
    run_experts(layer, gather, stream, trace);
    return this->output(output, stream, trace);
}

void MoeLayer::run_experts(std::size_t layer, Gather& gather, Stream& stream, Trace& trace) {
    const auto& weights = weights_[layer];
    const int copy = copy_[layer];
    const auto x = gathered().rows;
    auto* shared_weight = has_shared() ? shared_weight_.as<float>() : nullptr;
    {
        const Phase mark(trace, phase::kGather, stream);
        gather.run(input(), gathered(), stream);
    }
    {
        const Phase mark(trace, phase::kRoute, stream);
        kernels_->route(x,
                        {weights.router(), weights.router_bias(), weights.shared_gate(),
                         valid_.as<std::uint8_t>()},
                        routing(), shared_weight, stream);
    }
    {
        const Phase mark(trace, phase::kPermute, stream);
        kernels_->permute(x, routing(), shared_weight,
                          {plan_.shard.experts, has_shared(), expert_offsets_.as<std::int32_t>(),
                           permuted_rows(), weighted_.weights},
                          stream);
    }
    {
        const Phase mark(trace, phase::kExperts, stream);
        run_routed(layer, expert_rows(), 0, stream);
    }
    if (has_shared()) {
        const Phase mark(trace, phase::kShared, stream);
        kernels_->shared(x, weights.shared(copy), weighted_.rows.slice(0, plan_.rows), stream);
    }
    copy_[layer] = (copy + 1) % weights.plan().copies;
}

void MoeLayer::run_routed(std::size_t layer, const Matrix& out, std::int64_t spared_sms,
                          Stream& stream) {
    kernels_->experts({.permuted = permuted_rows(),
                       .offsets = expert_offsets_.as<std::int32_t>(),
                       .count = plan_.shard.experts.size(),
                       .weights = weights_[layer].experts(copy_[layer]),
                       .out = out,
                       .spared_sms = spared_sms},
                      stream);
}

void MoeLayer::run_second_batch(const Matrix& out, std::int64_t spared_sms, Stream& stream) {
    run_routed(0, out, spared_sms, stream);
    copy_[0] = (copy_[0] + 1) % weights_.front().plan().copies;
}

void MoeLayer::local_combine(const CombineInput& input, Stream& stream, Trace& trace) {
    const Phase mark(trace, phase::kLocalCombine, stream);
    if (input.weighted()) return;
    device_.weighted_sum(weighted_.weights, weighted_.rows, input.rows, stream);
}

Matrix MoeLayer::output(const OutputStep& output, Stream& stream, Trace& trace) {
    local_combine(output.input, stream, trace);
    if (epilogue_ && output.fuses_epilogue) {
        const Phase mark(trace, phase::kCombine, stream);
        output.combine->run_with_norm(output.input, epilogue_->of(result()), stream);
        return result();
    }
    const auto sums = combine_only(output, stream, trace);
    if (epilogue_) epilogue_->run(sums, stream);
    return sums;
}

Matrix MoeLayer::combine_only(const OutputStep& output, Stream& stream, Trace& trace) const {
    const Phase mark(trace, phase::kCombine, stream);
    return output.combine->run(output.input, result(), stream);
}

Matrix MoeLayer::input() const {
    return input_.matrix(plan_.own_rows, plan_.shape.hidden, plan_.wire);
}
GatherOutput MoeLayer::gathered() const {
    return {gathered_.matrix(), gathered_.memory()};
}
Matrix MoeLayer::result() const {
    return result_.matrix(plan_.group_rows, plan_.shape.hidden, plan_.wire);
}

void MoeLayer::upload_partial_sums(std::span<const std::byte> partial_sums) {
    const auto upload = [&](const auto& values, auto* to) {
        device_.upload(reinterpret_cast<const std::byte*>(values.data()),
                       reinterpret_cast<std::byte*>(to), values.size() * sizeof(values[0]));
    };
    const auto& rows = weighted_.rows;
    const auto& made_of = weighted_.weights;
    std::vector<std::int32_t> each(static_cast<std::size_t>(plan_.rows + 1));
    std::iota(each.begin(), each.end(), 0);
    upload(each, made_of.offsets);
    each.pop_back();
    upload(each, made_of.indices);
    upload(std::vector(each.size(), 1.0F), made_of.weights);
    if (plan_.wire == compute_) {
        upload(partial_sums, rows.data);
        return;
    }
    visit_dtype(plan_.wire, [&](auto from) {
        visit_dtype(compute_, [&](auto to) {
            using From = typename decltype(from)::type;
            using To = typename decltype(to)::type;
            const auto* values = reinterpret_cast<const From*>(partial_sums.data());
            std::vector<To> converted(static_cast<std::size_t>(rows.cols));
            for (std::int64_t row = 0; row < plan_.rows; ++row, values += rows.cols) {
                std::transform(values, values + rows.cols, converted.begin(),
                               [](From value) { return To(static_cast<float>(value)); });
                upload(converted, rows.slice(row, 1).data);
            }
        });
    });
}

void MoeLayer::poison(Stream& stream) {
    constexpr std::byte kNan{0xff};
    device_.fill_bytes(gathered().rows, kNan, stream);
    device_.fill_bytes(permuted_rows(), kNan, stream);
    // What the router and the permutation leave behind: as whole numbers the same bytes are -1.
    const auto fill_words = [&](std::byte* data, std::size_t bytes) {
        const auto words = static_cast<std::int64_t>(bytes / sizeof(float));
        device_.fill_bytes({data, 1, words, DType::f32}, kNan, stream);
    };
    for (const auto* buffer : {&chosen_, &chosen_weight_, &shared_weight_, &expert_offsets_}) {
        fill_words(buffer->data(), buffer->bytes());
    }
    fill_words(weighted_.rows.data, weighted_layout_.bytes());
    device_.fill_bytes(result(), kNan, stream);
    if (epilogue_) epilogue_->poison(stream);
}

Routing MoeLayer::routing() const {
    return {chosen_.as<std::int32_t>(), chosen_weight_.as<float>()};
}

Matrix MoeLayer::permuted_rows() const {
    return permuted_.matrix(capacity_, plan_.shape.hidden, compute_);
}

Matrix MoeLayer::expert_rows() const {
    return weighted_.rows.slice(has_shared() ? plan_.rows : 0, capacity_);
}

std::int64_t MoeLayer::valid_expert_rows() const {
    std::int32_t rows = 0;
    const auto last = static_cast<std::size_t>(plan_.shard.experts.size()) * sizeof rows;
    device_.download(expert_offsets_.data() + last, reinterpret_cast<std::byte*>(&rows),
                     sizeof rows);
    return rows;
}

std::size_t MoeLayer::expert_rows_bytes(const LayerPlan& plan, const LayerKernelsFactory& kernels) {
    return static_cast<std::size_t>(capacity_of(plan) * plan.shape.hidden) *
           size_of(kernels.compute_dtype(plan.wire));
}

void fill_input(Device& device, const Matrix& input, const Synthetic& synthetic,
                const RowMap& row_map, int rank) {
    const auto first = row_map.owned().first(rank);
    std::vector<float> values(static_cast<std::size_t>(input.cols));
    visit_dtype(input.dtype, [&](auto tag) {
        using T = typename decltype(tag)::type;
        std::vector<T> rounded(values.size());
        for (std::int64_t row = 0; row < input.rows; ++row) {
            const auto token = row_map.token_of_row()[static_cast<std::size_t>(first + row)];
            std::fill(values.begin(), values.end(), 0.0F);
            if (token >= 0) synthetic.token(token, values);
            std::transform(values.begin(), values.end(), rounded.begin(),
                           [](float value) { return T(value); });
            device.upload(reinterpret_cast<const std::byte*>(rounded.data()),
                          input.slice(row, 1).data, rounded.size() * sizeof(T));
        }
    });
}

}  // namespace moe
