#pragma once

#include <mpi.h>

#include <cstddef>
#include <type_traits>
#include <vector>

#define MOE_MPI(call) ::moe::mpi::check((call), __FILE__, __LINE__, #call)

namespace moe::mpi {

/// MPI_Init on construction, MPI_Finalize on destruction; the first thing main() makes. From then
/// on freed memory is kept (heap.hpp).
class Session {
public:
    Session(int& argc, char**& argv);
    ~Session();
    Session(const Session&) = delete;
    Session& operator=(const Session&) = delete;
};

/// A communicator of our own, freed when it goes.
class UniqueComm {
public:
    explicit UniqueComm(MPI_Comm comm) : comm_(comm) {}
    ~UniqueComm() { MPI_Comm_free(&comm_); }
    UniqueComm(const UniqueComm&) = delete;
    UniqueComm& operator=(const UniqueComm&) = delete;
    [[nodiscard]] MPI_Comm get() const { return comm_; }

private:
    MPI_Comm comm_;
};

/// Throws a LibraryError with MPI's own text unless status is MPI_SUCCESS.
void check(int status, const char* file, int line, const char* expression);
[[nodiscard]] int rank(MPI_Comm comm);
[[nodiscard]] int size(MPI_Comm comm);
[[nodiscard]] MPI_Comm duplicate(MPI_Comm comm);

/// Every rank's `mine`, in rank order. Collective.
template <class T>
[[nodiscard]] std::vector<T> all_gather(const T& mine, MPI_Comm comm) {
    static_assert(std::is_trivially_copyable_v<T>);
    std::vector<T> all(static_cast<std::size_t>(size(comm)));
    MOE_MPI(MPI_Allgather(&mine, sizeof mine, MPI_BYTE, all.data(), sizeof mine, MPI_BYTE, comm));
    return all;
}

}  // namespace moe::mpi
