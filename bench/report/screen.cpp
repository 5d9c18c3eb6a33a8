#include "bench/report/screen.hpp"

#include <sys/ioctl.h>
#include <unistd.h>

#include <cstdio>
#include <cstdlib>

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

int screen_columns() {
    constexpr int kUsual = 80;
    constexpr long kMax = 10'000;
    winsize size{};
    if (ioctl(STDERR_FILENO, TIOCGWINSZ, &size) == 0 && size.ws_col > 0) return size.ws_col;
    // NOLINTNEXTLINE(concurrency-mt-unsafe): no thread calls setenv
    const char* text = std::getenv("COLUMNS");
    const long told = text == nullptr ? 0 : std::strtol(text, nullptr, 10);
    return told > 0 && told < kMax ? static_cast<int>(told) : kUsual;
}

}  // namespace moe
