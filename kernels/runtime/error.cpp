#include "kernels/runtime/error.hpp"

#include <fmt/format.h>

namespace moe {
namespace {

std::string printable(std::string_view text) {
    std::string result;
    for (const char c : text) {
        const auto code = static_cast<unsigned char>(c);
        if (code < 0x20 || code == 0x7f) {
            result += fmt::format("\\x{:02x}", code);
        } else {
            result += c;
        }
    }
    return result;
}

std::string located(const Site& site, std::string_view what) {
    return fmt::format("{} [{} at {}:{}]", what, site.expression, site.file, site.line);
}

}  // namespace

BadArgument::BadArgument(std::string_view what) : Error(printable(what)) {}

void raise(const Site& site, std::string_view what) {
    throw Error(located(site, what));
}

void raise_refusal(const Site& site, std::string_view what) {
    throw LibraryError(located(site, what));
}

}  // namespace moe
