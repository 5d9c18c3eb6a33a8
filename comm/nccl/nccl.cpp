#include "comm/nccl/nccl.hpp"

#include <fmt/format.h>

namespace moe::nccl {

void check(ncclResult_t status, const char* file, int line, const char* expression) {
    if (status == ncclSuccess) return;
    const auto* detail = ncclGetLastError(nullptr);
    raise_refusal({file, line, expression}, fmt::format("NCCL: {} ({})", ncclGetErrorString(status),
                                                        detail == nullptr ? "" : detail));
}

int version() {
    int number = 0;
    MOE_NCCL(ncclGetVersion(&number));
    return number;
}

std::string version_text(int version) {
    return fmt::format("{}.{}.{}", version / 10000, version / 100 % 100, version % 100);
}

std::string version_warning(int built_against, int loaded) {
    if (built_against == loaded) return {};
    return fmt::format(
        "built against NCCL {} and running with {}: what only one of them has may be missing; "
        "build anew (cmake -U 'NCCL_*'), or mend LD_LIBRARY_PATH",
        version_text(built_against), version_text(loaded));
}

ncclDataType_t type_of(DType dtype) {
    switch (dtype) {
        case DType::f32:
            return ncclFloat32;
        case DType::bf16:
            return ncclBfloat16;
        case DType::f16:
            return ncclFloat16;
    }
    raise(MOE_SITE("dtype"), "NCCL has no such type");
}

Group::Group() {
    MOE_NCCL(ncclGroupStart());
}

void Group::close() {
    closed_ = true;
    MOE_NCCL(ncclGroupEnd());
}

}  // namespace moe::nccl
