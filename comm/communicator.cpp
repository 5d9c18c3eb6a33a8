#include "comm/communicator.hpp"

#include <fmt/format.h>

#include <utility>

namespace moe {

CommGroup::CommGroup(Communicator& communicator) : communicator_(&communicator) {
    communicator_->begin_group();
}

CommGroup::~CommGroup() {
    if (communicator_ != nullptr) communicator_->abandon_group();
}

void CommGroup::close() {
    std::exchange(communicator_, nullptr)->end_group();
}

std::string exchange_obstacle(const Communicator& world, std::int64_t rows, std::int64_t cols) {
    if (rows <= world.max_count() / cols) return {};
    return fmt::format(
        "{} rows of {} elements are more than the {} elements that one call exchanges", rows, cols,
        world.max_count());
}

}  // namespace moe
