// In place of half_packs.cpp where the build may not use the instructions for halves.
#include "kernels/host/half_packs.hpp"

namespace moe::packs {

std::int64_t widen(const Float16* /*from*/, float* /*to*/, std::int64_t /*count*/) {
    return 0;
}
std::int64_t round_to(const float* /*from*/, Float16* /*to*/, std::int64_t /*count*/) {
    return 0;
}
std::int64_t add_into(const Float16* /*from*/, Float16* /*to*/, std::int64_t /*count*/) {
    return 0;
}
std::int64_t sum_rows(std::span<const Float16* const> /*rows*/, Float16* /*to*/,
                      std::int64_t /*count*/) {
    return 0;
}
std::int64_t add_rows(std::span<const Float16* const> /*rows*/, float* /*sum*/,
                      std::int64_t /*count*/) {
    return 0;
}
std::int64_t add_and_square(const Float16* /*x*/, const Float16* /*r*/, Float16* /*to*/,
                            std::int64_t /*count*/, float& /*squares*/) {
    return 0;
}
std::int64_t scale_sum(const Float16* /*x*/, const Float16* /*r*/, const Float16* /*weight*/,
                       float /*factor*/, Float16* /*to*/, std::int64_t /*count*/) {
    return 0;
}

}  // namespace moe::packs
