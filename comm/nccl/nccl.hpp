#pragma once

#include "kernels/runtime/matrix.hpp"

#include <nccl.h>

#include <cstddef>
#include <cstdint>
#include <span>
#include <string>

namespace moe::nccl {

/// Throws a LibraryError with NCCL's own text unless status is ncclSuccess.
void check(ncclResult_t status, const char* file, int line, const char* expression);

/// Of the library that was loaded, as ncclGetVersion says: 22809 is 2.28.9.
[[nodiscard]] int version();
/// Of the header that this was built against.
inline constexpr int kBuiltAgainst = NCCL_VERSION_CODE;
/// 22809 as "2.28.9".
[[nodiscard]] std::string version_text(int version);
/// What to say where the program was built against one version and runs with another; else empty.
[[nodiscard]] std::string version_warning(int built_against, int loaded);
/// What a rank's environment sets, which NCCL takes in place of what a communicator is given
/// (envConfigOverride in its init.cc). Not above 0: nothing.
struct CtaVariables {
    std::int64_t min_ctas, max_ctas;
};
[[nodiscard]] CtaVariables cta_variables();
/// Why no communicator of these ranks can have exactly so many CTAs; empty where one can.
[[nodiscard]] std::string ctas_obstacle(std::int64_t ctas, std::span<const CtaVariables> of_ranks);
[[nodiscard]] ncclDataType_t type_of(DType dtype);

/// Closes the group even when a call inside it throws: an open group swallows every later call.
class [[nodiscard]] Group {
public:
    Group();
    ~Group() {
        if (!closed_) ncclGroupEnd();
    }
    Group(const Group&) = delete;
    Group& operator=(const Group&) = delete;
    void close();

private:
    bool closed_{};
};

}  // namespace moe::nccl

#define MOE_NCCL(call) ::moe::nccl::check((call), __FILE__, __LINE__, #call)
