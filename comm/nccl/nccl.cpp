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
