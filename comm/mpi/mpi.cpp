#include "comm/mpi/mpi.hpp"

#include "kernels/runtime/error.hpp"
#include "kernels/runtime/heap.hpp"

#include <array>

namespace moe::mpi {

Session::Session(int& argc, char**& argv) {
    keep_freed_memory();
    MPI_Init(&argc, &argv);
    MOE_MPI(MPI_Comm_set_errhandler(MPI_COMM_WORLD, MPI_ERRORS_RETURN));
}

Session::~Session() {
    MPI_Finalize();
}

void check(int status, const char* file, int line, const char* expression) {
    if (status == MPI_SUCCESS) return;
    std::array<char, MPI_MAX_ERROR_STRING> text{};
    int length = 0;
    MPI_Error_string(status, text.data(), &length);
    raise_refusal({file, line, expression}, {text.data(), static_cast<std::size_t>(length)});
}

int rank(MPI_Comm comm) {
    int value = 0;
    MOE_MPI(MPI_Comm_rank(comm, &value));
    return value;
}

int size(MPI_Comm comm) {
    int value = 0;
    MOE_MPI(MPI_Comm_size(comm, &value));
    return value;
}

MPI_Comm duplicate(MPI_Comm comm) {
    MPI_Comm copy = MPI_COMM_NULL;
    MOE_MPI(MPI_Comm_dup(comm, &copy));
    return copy;
}

}  // namespace moe::mpi
