#include "comm/communicator.hpp"

#include <fmt/format.h>

namespace moe {

std::unique_ptr<SymmetricMemory> Communicator::make_symmetric(std::size_t /*bytes*/) {
    raise(MOE_SITE("make_symmetric"), symmetric_obstacle());
}

std::string exchange_obstacle(const Communicator& world, std::int64_t rows, std::int64_t cols) {
    if (rows <= world.most_elements() / cols) return {};
    return fmt::format(
        "{} rows of {} elements are more than the {} elements that one call exchanges", rows, cols,
        world.most_elements());
}

}  // namespace moe
