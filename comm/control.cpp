#include "comm/control.hpp"

#include <algorithm>
#include <set>

namespace moe {

int count_hosts(const Control& control) {
    const auto& names = control.host_names();
    return static_cast<int>(std::set<std::string>(names.begin(), names.end()).size());
}

int ranks_on_my_host(const Control& control) {
    const auto& names = control.host_names();
    const auto& mine = names[static_cast<std::size_t>(control.rank())];
    return static_cast<int>(std::count(names.begin(), names.end(), mine));
}

}  // namespace moe
