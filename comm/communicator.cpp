#include "comm/communicator.hpp"

#include <fmt/format.h>

namespace moe {

std::string exchange_obstacle(const Communicator& world, std::int64_t rows, std::int64_t cols) {
    if (rows <= world.most_elements() / cols) return {};
    return fmt::format(
        "{} rows of {} elements are more than the {} elements that one call exchanges", rows, cols,
        world.most_elements());
}

}  // namespace moe
