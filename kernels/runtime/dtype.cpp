#include "kernels/runtime/dtype.hpp"

namespace moe {
namespace {

constexpr DTypeTraits kTraits[] = {
    {DType::f32, "f32", 4, 0x1p-24, std::int64_t{1} << 24U, 0x1p-150},
    {DType::bf16, "bf16", 2, 0x1p-8, std::int64_t{1} << 8U, 0x1p-134},
    {DType::f16, "f16", 2, 0x1p-11, std::int64_t{1} << 11U, 0x1p-25},
};

}  // namespace

std::span<const DTypeTraits> dtypes() {
    return kTraits;
}

const DTypeTraits& traits(DType dtype) {
    for (const auto& traits : kTraits) {
        if (traits.dtype == dtype) return traits;
    }
    raise(MOE_SITE("dtype"), "unknown DType");
}

}  // namespace moe
