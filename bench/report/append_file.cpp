#include "bench/report/append_file.hpp"

#include "kernels/runtime/error.hpp"

#include <fcntl.h>
#include <fmt/format.h>
#include <sys/file.h>
#include <unistd.h>

#include <cerrno>
#include <fstream>
#include <system_error>
#include <utility>

namespace moe {
namespace {

std::string last_error() {
    return std::generic_category().message(errno);
}

constexpr mode_t kReadableByAll = 0644;

}  // namespace

AppendFile::AppendFile(std::string path, std::string_view header)
    : path_(std::move(path)),
      file_(open(path_.c_str(), O_RDWR | O_CREAT | O_APPEND | O_CLOEXEC, kReadableByAll)) {
    if (file_ < 0) throw BadArgument(fmt::format("cannot write {}: {}", path_, last_error()));
    try {
        if (flock(file_, LOCK_EX | LOCK_NB) != 0) {
            throw BadArgument(fmt::format("{} is being written by another run", path_));
        }
        if (lseek(file_, 0, SEEK_END) == 0) {
            append(header);
        } else {
            check_header(header);
        }
    } catch (...) {
        close(file_);
        throw;
    }
}

AppendFile::~AppendFile() {
    close(file_);
}

void AppendFile::check_header(std::string_view header) const {
    std::ifstream existing(path_);
    std::string first;
    std::getline(existing, first);
    if (first + '\n' != header) {
        throw BadArgument(fmt::format(
            "{} has other columns than this program writes; name a new file or move it away",
            path_));
    }
}

void AppendFile::append(std::string_view lines) {
    const auto size = lseek(file_, 0, SEEK_END);
    const auto written = write(file_, lines.data(), lines.size());
    if (written == static_cast<ssize_t>(lines.size())) return;
    const auto why = written < 0 ? last_error() : std::string("the disk is full");
    const bool cut = ftruncate(file_, size) == 0;
    throw Error(fmt::format("cannot append to {}: {}; the lines before are whole{}", path_, why,
                            cut ? "" : ", the last one may not be"));
}

}  // namespace moe
