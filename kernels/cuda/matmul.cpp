#include "kernels/cuda/matmul.hpp"

#include "kernels/cuda/cuda.hpp"

#include <fmt/format.h>

#include <array>
#include <span>

namespace moe::cuda {
namespace {

/// What NVIDIA recommends for Hopper; smaller workspaces rule the faster ways out.
constexpr std::size_t kWorkspaceBytes = std::size_t{32} << 20U;

/// Ways to compute a product, the fastest first, among which one without clusters is looked for.
constexpr int kMostCandidates = 32;

void check(cublasStatus_t status, const char* file, int line, const char* expression) {
    if (status != CUBLAS_STATUS_SUCCESS) {
        raise_refusal({file, line, expression}, cublasLtGetStatusName(status));
    }
}
#define MOE_CUBLAS(call) check((call), __FILE__, __LINE__, #call)

cudaDataType_t type_of(DType dtype) {
    switch (dtype) {
        case DType::f32:
            return CUDA_R_32F;
        case DType::bf16:
            return CUDA_R_16BF;
        case DType::f16:
            return CUDA_R_16F;
    }
    raise(MOE_SITE("dtype"), "cuBLAS has no such type");
}

/// The power of two up to 256 that all addresses are multiples of.
std::int64_t alignment(std::initializer_list<const std::byte*> pointers) {
    std::uintptr_t bits = 256;
    for (const auto* pointer : pointers) bits |= reinterpret_cast<std::uintptr_t>(pointer);
    return static_cast<std::int64_t>(bits & (~bits + 1));
}

struct PreferenceDeleter {
    void operator()(cublasLtMatmulPreference_t preference) const noexcept {
        cublasLtMatmulPreferenceDestroy(preference);
    }
};

}  // namespace

Matmul::Matmul(Device& device, Clusters clusters)
    : clusters_(clusters), workspace_(device.allocate(kWorkspaceBytes)) {
    cublasLtHandle_t raw{};
    MOE_CUBLAS(cublasLtCreate(&raw));
    handle_.reset(raw);
}

std::size_t Matmul::workspace_bytes() {
    return kWorkspaceBytes;
}

Matmul::Layout Matmul::layout(DType dtype, std::int64_t rows, std::int64_t cols) {
    cublasLtMatrixLayout_t raw{};
    // cuBLAS thinks in columns: a matrix of dense rows is one whose columns are those rows.
    MOE_CUBLAS(cublasLtMatrixLayoutCreate(&raw, type_of(dtype), static_cast<std::uint64_t>(cols),
                                          static_cast<std::uint64_t>(rows), cols));
    return Layout(raw);
}

Matmul::Plan Matmul::make_plan(const Key& key) const {
    const auto [m, n, k, in, result, align] = key;
    Plan plan{};
    cublasLtMatmulDesc_t operation{};
    MOE_CUBLAS(cublasLtMatmulDescCreate(&operation, CUBLAS_COMPUTE_32F, CUDA_R_32F));
    plan.operation.reset(operation);
    const cublasOperation_t transposed = CUBLAS_OP_T;
    MOE_CUBLAS(cublasLtMatmulDescSetAttribute(operation, CUBLASLT_MATMUL_DESC_TRANSA, &transposed,
                                              sizeof transposed));
    plan.w = layout(static_cast<DType>(in), n, k);
    plan.a = layout(static_cast<DType>(in), m, k);
    plan.out = layout(static_cast<DType>(result), m, n);

    cublasLtMatmulPreference_t raw{};
    MOE_CUBLAS(cublasLtMatmulPreferenceCreate(&raw));
    const std::unique_ptr<cublasLtMatmulPreferenceOpaque_t, PreferenceDeleter> preference(raw);
    const auto bytes = kWorkspaceBytes;
    MOE_CUBLAS(cublasLtMatmulPreferenceSetAttribute(raw, CUBLASLT_MATMUL_PREF_MAX_WORKSPACE_BYTES,
                                                    &bytes, sizeof bytes));
    const auto aligned = static_cast<std::uint32_t>(align);
    for (const auto which :
         {CUBLASLT_MATMUL_PREF_MIN_ALIGNMENT_A_BYTES, CUBLASLT_MATMUL_PREF_MIN_ALIGNMENT_B_BYTES,
          CUBLASLT_MATMUL_PREF_MIN_ALIGNMENT_C_BYTES, CUBLASLT_MATMUL_PREF_MIN_ALIGNMENT_D_BYTES}) {
        MOE_CUBLAS(cublasLtMatmulPreferenceSetAttribute(raw, which, &aligned, sizeof aligned));
    }
    const auto algorithm = choose(plan, raw);
    MOE_EXPECT(algorithm, fmt::format("cuBLASLt knows no way to multiply {} x {} x {}", m, n, k));
    plan.algorithm = *algorithm;
    return plan;
}

std::optional<cublasLtMatmulAlgo_t> Matmul::choose(const Plan& plan,
                                                   cublasLtMatmulPreference_t preference) const {
    std::array<cublasLtMatmulHeuristicResult_t, kMostCandidates> all{};
    const int wanted = clusters_ == Clusters::any ? 1 : kMostCandidates;
    int found = 0;
    MOE_CUBLAS(cublasLtMatmulAlgoGetHeuristic(handle_.get(), plan.operation.get(), plan.w.get(),
                                              plan.a.get(), plan.out.get(), plan.out.get(),
                                              preference, wanted, all.data(), &found));
    if (found == 0) return std::nullopt;
    if (clusters_ == Clusters::any) return all.front().algo;
    for (auto candidate : std::span(all).first(static_cast<std::size_t>(found))) {
        const std::uint16_t single = CUBLASLT_CLUSTER_SHAPE_1x1x1;
        const auto set = cublasLtMatmulAlgoConfigSetAttribute(
            &candidate.algo, CUBLASLT_ALGO_CONFIG_CLUSTER_SHAPE_ID, &single, sizeof single);
        if (set == CUBLAS_STATUS_SUCCESS && runs(plan, candidate.algo)) return candidate.algo;
    }
    return all.front().algo;  // which may need clusters: nothing else can compute it
}

bool Matmul::runs(const Plan& plan, const cublasLtMatmulAlgo_t& algorithm) const {
    cublasLtMatmulHeuristicResult_t result{};
    return cublasLtMatmulAlgoCheck(handle_.get(), plan.operation.get(), plan.w.get(), plan.a.get(),
                                   plan.out.get(), plan.out.get(), &algorithm,
                                   &result) == CUBLAS_STATUS_SUCCESS &&
           result.workspaceSize <= kWorkspaceBytes;
}

void Matmul::multiply(const Matrix& a, const Matrix& w, const Matrix& out, cudaStream_t stream) {
    MOE_EXPECT(a.cols == w.cols && a.rows == out.rows && w.rows == out.cols && a.dtype == w.dtype,
               "shapes or types that do not fit");
    if (out.elements() == 0) return;
    const Key key{a.rows,
                  w.rows,
                  a.cols,
                  static_cast<std::int64_t>(a.dtype),
                  static_cast<std::int64_t>(out.dtype),
                  alignment({a.data, w.data, out.data, workspace_.data()})};
    auto at = plans_.find(key);
    if (at == plans_.end()) at = plans_.emplace(key, make_plan(key)).first;
    const auto& plan = at->second;
    const float one = 1;
    const float zero = 0;
    MOE_CUBLAS(cublasLtMatmul(handle_.get(), plan.operation.get(), &one, w.data, plan.w.get(),
                              a.data, plan.a.get(), &zero, out.data, plan.out.get(), out.data,
                              plan.out.get(), &plan.algorithm, workspace_.data(), kWorkspaceBytes,
                              stream));
}

}  // namespace moe::cuda
