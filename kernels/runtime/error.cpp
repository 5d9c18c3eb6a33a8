#include "kernels/runtime/error.hpp"

#include <fmt/format.h>

namespace moe {

void raise(const Site& site, std::string_view what) {
    throw Error(fmt::format("{} [{} at {}:{}]", what, site.expression, site.file, site.line));
}

}  // namespace moe
