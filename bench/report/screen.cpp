#include "bench/report/screen.hpp"

#include <cstdio>

namespace moe {
namespace {

void print(std::FILE* file, std::string_view text) {
    if (std::fwrite(text.data(), 1, text.size(), file) == text.size()) std::fflush(file);
    std::clearerr(file);
}

}  // namespace

void show(std::string_view text) {
    print(stdout, text);
}

void show_error(std::string_view text) {
    print(stderr, text);
}

}  // namespace moe
