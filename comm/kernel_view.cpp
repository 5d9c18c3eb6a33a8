#include "comm/kernel_view.hpp"

#include <fmt/format.h>

#include <filesystem>
#include <fstream>
#include <system_error>

namespace moe {

std::string boot_id() {
    std::ifstream file("/proc/sys/kernel/random/boot_id");
    std::string id;
    file >> id;
    return id;
}

std::string namespace_id(std::string_view kind) {
    std::error_code none;
    return std::filesystem::read_symlink(fmt::format("/proc/self/ns/{}", kind), none).string();
}

}  // namespace moe
