#include "bench/moe/layer_weights.hpp"

#include "bench/moe/synthetic.hpp"

#include <algorithm>

namespace moe {
namespace {

/// Elements of one gated MLP: gate, up and down.
std::int64_t mlp_elements(std::int64_t hidden, std::int64_t intermediate) {
    return 3 * hidden * intermediate;
}

std::size_t bytes_of(std::int64_t elements, DType dtype) {
    return static_cast<std::size_t>(elements) * size_of(dtype);
}

std::size_t expert_bytes(const LayerWeights::Plan& plan) {
    return bytes_of(
        plan.shard.experts.size() * mlp_elements(plan.shape.hidden, plan.shard.intermediate.size()),
        plan.compute);
}

std::size_t shared_bytes(const LayerWeights::Plan& plan) {
    return bytes_of(mlp_elements(plan.shape.hidden, plan.shard.shared.size()), plan.compute);
}

/// Generated on the host in f32, uploaded in the compute type, an MLP's matrix at a time.
class Uploader {
public:
    Uploader(Device& device, DType dtype, const std::function<void()>& on_progress)
        : device_(device), dtype_(dtype), on_progress_(on_progress) {}

    std::span<float> stage(std::int64_t elements) {
        staged_.resize(static_cast<std::size_t>(elements));
        return staged_;
    }
    void upload(std::byte* to) {
        visit_dtype(dtype_, [&](auto tag) {
            using T = typename decltype(tag)::type;
            std::vector<T> rounded(staged_.size());
            std::transform(staged_.begin(), staged_.end(), rounded.begin(),
                           [](float value) { return T(value); });
            device_.upload(reinterpret_cast<const std::byte*>(rounded.data()), to,
                           rounded.size() * sizeof(T));
        });
        on_progress_();
    }

private:
    Device& device_;
    DType dtype_;
    const std::function<void()>& on_progress_;
    std::vector<float> staged_;
};

/// Columns [slice.first, slice.last) of one MLP: gate and up rows, and columns of down.
class MlpGenerator {
public:
    MlpGenerator(const LayerWeights::Plan& plan, std::int64_t expert, Range slice)
        : synthetic_(plan.shape, plan.seed, plan.layer),
          hidden_(plan.shape.hidden),
          expert_(expert),
          slice_(slice) {}

    void gate_up(std::span<float> to) const {
        for (std::int64_t i = 0; i < slice_.size(); ++i) {
            synthetic_.gate(expert_, slice_.first + i, row(to, i, hidden_));
            synthetic_.up(expert_, slice_.first + i, row(to, slice_.size() + i, hidden_));
        }
    }
    void down(std::span<float> to) const {
        for (std::int64_t j = 0; j < hidden_; ++j) {
            synthetic_.down(expert_, j, slice_.first, row(to, j, slice_.size()));
        }
    }

private:
    static std::span<float> row(std::span<float> matrix, std::int64_t index, std::int64_t cols) {
        return matrix.subspan(static_cast<std::size_t>(index * cols),
                              static_cast<std::size_t>(cols));
    }

    Synthetic synthetic_;
    std::int64_t hidden_;
    std::int64_t expert_;
    Range slice_;
};

/// Writes one MLP into every copy, at `index` of `count` MLPs that lie in one buffer.
void place(const MlpGenerator& mlp, const LayerWeights::Plan& plan, std::int64_t intermediate,
           std::int64_t index, std::int64_t count, const std::vector<Buffer>& copies,
           Uploader& uploader) {
    const auto hidden = plan.shape.hidden;
    const auto gate_up = 2 * intermediate * hidden;
    const auto down = intermediate * hidden;
    const auto put = [&](std::int64_t at) {
        for (const auto& copy : copies) uploader.upload(copy.data() + bytes_of(at, plan.compute));
    };
    mlp.gate_up(uploader.stage(gate_up));
    put(index * gate_up);
    mlp.down(uploader.stage(down));
    put(count * gate_up + index * down);
}

MlpWeights view(const Buffer& buffer, const LayerWeights::Plan& plan, std::int64_t intermediate,
                std::int64_t count) {
    MlpWeights weights{buffer.data(), nullptr, intermediate};
    weights.down =
        buffer.data() + bytes_of(count * weights.gate_up_stride(plan.shape.hidden), plan.compute);
    return weights;
}

}  // namespace

LayerWeights::LayerWeights(Device& device, const Plan& plan,
                           const std::function<void()>& on_progress)
    : plan_(plan) {
    for (int copy = 0; copy < plan.copies; ++copy) {
        experts_.push_back(device.allocate(expert_bytes(plan)));
        shared_.push_back(device.allocate(shared_bytes(plan)));
    }
    Uploader uploader(device, plan.compute, on_progress);
    const auto& shard = plan.shard;
    for (std::int64_t e = 0; e < shard.experts.size(); ++e) {
        const MlpGenerator mlp(plan, shard.experts.first + e, shard.intermediate);
        place(mlp, plan, shard.intermediate.size(), e, shard.experts.size(), experts_, uploader);
    }
    place(MlpGenerator(plan, Synthetic::kShared, shard.shared), plan, shard.shared.size(), 0, 1,
          shared_, uploader);

    const auto& shape = plan.shape;
    const Synthetic synthetic(shape, plan.seed, plan.layer);
    const auto router = uploader.stage(shape.experts * shape.hidden);
    for (std::int64_t e = 0; e < shape.experts; ++e) {
        synthetic.router(e, router.subspan(static_cast<std::size_t>(e * shape.hidden),
                                           static_cast<std::size_t>(shape.hidden)));
    }
    router_ = device.allocate(bytes_of(shape.experts * shape.hidden, plan.compute));
    uploader.upload(router_.data());
    if (const auto bias = synthetic.router_bias(); !bias.empty()) {
        router_bias_ = device.allocate(bias.size() * sizeof(float));
        device.upload(reinterpret_cast<const std::byte*>(bias.data()), router_bias_.data(),
                      router_bias_.bytes());
    }
    if (!shape.shared_gate) return;
    synthetic.shared_gate(uploader.stage(shape.hidden));
    gate_ = device.allocate(bytes_of(shape.hidden, plan.compute));
    uploader.upload(gate_.data());
}

std::size_t LayerWeights::copy_bytes(const Plan& plan) {
    return expert_bytes(plan) + shared_bytes(plan);
}

std::size_t LayerWeights::fixed_bytes(const Plan& plan) {
    return bytes_of((plan.shape.experts + 1) * plan.shape.hidden, plan.compute) +
           bytes_of(plan.shape.experts, DType::f32);
}

std::size_t LayerWeights::staging_bytes(const Plan& plan) {
    const auto widest = std::max(plan.shard.intermediate.size(), plan.shard.shared.size());
    const auto elements = std::max(2 * widest, plan.shape.experts) * plan.shape.hidden;
    return bytes_of(elements, DType::f32) + bytes_of(elements, plan.compute);
}

int LayerWeights::cold_copies(std::size_t bytes, std::size_t cache_bytes) {
    if (bytes == 0) return 1;
    return static_cast<int>(std::max<std::size_t>(1, (2 * cache_bytes + bytes - 1) / bytes));
}

MlpWeights LayerWeights::experts(int copy) const {
    return view(experts_[static_cast<std::size_t>(copy)], plan_, plan_.shard.intermediate.size(),
                plan_.shard.experts.size());
}

MlpWeights LayerWeights::shared(int copy) const {
    return view(shared_[static_cast<std::size_t>(copy)], plan_, plan_.shard.shared.size(), 1);
}

Matrix LayerWeights::router() const {
    return router_.matrix(plan_.shape.experts, plan_.shape.hidden, plan_.compute);
}

const float* LayerWeights::router_bias() const {
    return router_bias_.as<float>();
}

const std::byte* LayerWeights::shared_gate() const {
    return gate_.data();
}

}  // namespace moe
