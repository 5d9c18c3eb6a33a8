#include "comm/mpi/sum.hpp"

#include "comm/mpi/mpi.hpp"
#include "kernels/host/row_ops.hpp"

#include <type_traits>

namespace moe::mpi {
namespace {

// The signature is MPI's.
template <class T>
// NOLINTNEXTLINE(readability-non-const-parameter)
void add(void* in, void* inout, int* count, MPI_Datatype* /*type*/) {
    add_into(static_cast<const T*>(in), static_cast<T*>(inout), *count);
}

template <class T>
MPI_Op make_op() {
    MPI_Op op = MPI_OP_NULL;
    constexpr int kCommutes = 1;
    MOE_MPI(MPI_Op_create(add<T>, kCommutes, &op));
    return op;
}

}  // namespace

Sum sum_of(DType dtype) {
    return visit_dtype(dtype, [](auto tag) -> Sum {
        using T = typename decltype(tag)::type;
        if constexpr (std::is_same_v<T, float>) {
            return {MPI_FLOAT, MPI_SUM};
        } else {
            static_assert(sizeof(T) == sizeof(std::uint16_t));
            static const MPI_Op op = make_op<T>();
            return {MPI_UINT16_T, op};
        }
    });
}

}  // namespace moe::mpi
