#include "bench/report/append_file.hpp"

#include "kernels/runtime/error.hpp"

#include <fcntl.h>
#include <fmt/format.h>
#include <sys/file.h>
#include <unistd.h>

#include <cerrno>
#include <filesystem>
#include <fstream>
#include <system_error>
#include <utility>

namespace moe {
namespace {

std::string last_error() {
    return std::generic_category().message(errno);
}

constexpr mode_t kReadableByAll = 0644;

/// How the start of a file, which may be shorter, is not `header`.
std::string_view difference(std::string_view start, std::string_view header) {
    constexpr std::string_view kByteOrderMark = "\xef\xbb\xbf";
    if (start.starts_with(kByteOrderMark)) {
        return "it begins with a byte order mark, as spreadsheets save it; other programs take "
               "that "
               "for a part of the first column's name";
    }
    // As many bytes were read as the header has: of one that ends with CR LF all but the LF.
    if (start.ends_with('\r') && header.starts_with(start.substr(0, start.size() - 1))) {
        return "it ends with CR LF, as spreadsheets and Windows editors save it, not with LF";
    }
    return "it has other columns than this program writes";
}

}  // namespace

AppendFile::AppendFile(std::string path, std::string_view header, TornLine torn)
    : path_(std::move(path)),
      header_(header),
      file_(open(path_.c_str(), O_RDWR | O_CREAT | O_APPEND | O_CLOEXEC, kReadableByAll)) {
    if (file_ < 0) throw BadArgument(fmt::format("cannot write {}: {}", path_, last_error()));
    try {
        // Some network file systems have no locks: then nobody is known to write.
        if (flock(file_, LOCK_EX | LOCK_NB) != 0 && errno == EWOULDBLOCK) {
            throw BadArgument(fmt::format("{} is being written by another run", path_));
        }
        check_header(path_, header, torn);
        if (lseek(file_, 0, SEEK_END) == 0) append(header_);
    } catch (...) {
        close(file_);
        throw;
    }
}

AppendFile::~AppendFile() {
    close(file_);
}

void AppendFile::check_header(const std::string& path, std::string_view header, TornLine torn) {
    std::error_code unknown;  // then opening it will say
    if (!std::filesystem::is_regular_file(path, unknown)) return;
    std::ifstream existing(path);
    if (existing.peek() == std::ifstream::traits_type::eof()) return;
    std::string start(header.size(), '\0');
    existing.read(start.data(), static_cast<std::streamsize>(start.size()));
    start.resize(static_cast<std::size_t>(existing.gcount()));
    const bool torn_header = start.size() < header.size() && header.starts_with(start);
    if (start != header && !(torn == TornLine::allow && torn_header)) {
        throw BadArgument(fmt::format("{}, line 1: {}; name a new file or move it away", path,
                                      difference(start, header)));
    }
    if (torn == TornLine::allow) return;
    existing.seekg(-1, std::ios::end);
    if (existing.get() != '\n') {
        throw BadArgument(
            fmt::format("{} ends in the middle of a row; --resume cuts that off and "
                        "goes on, or name a new file",
                        path));
    }
}

void AppendFile::cut_torn_line(const std::string& path) {
    std::ifstream file(path, std::ios::ate);
    if (!file) return;
    auto end = static_cast<std::int64_t>(file.tellg());
    const auto size = end;
    for (; end > 0; --end) {
        file.seekg(end - 1);
        if (file.get() == '\n') break;
    }
    if (end < size) std::filesystem::resize_file(path, static_cast<std::uintmax_t>(end));
}

void AppendFile::keep(std::size_t bytes) {
    if (ftruncate(file_, static_cast<off_t>(bytes)) != 0) {
        throw Error(fmt::format("cannot shorten {}: {}", path_, last_error()));
    }
    if (bytes == 0) append(header_);
}

void AppendFile::append(std::string_view lines) {
    const auto size = lseek(file_, 0, SEEK_END);
    ssize_t written = -1;
    do {
        written = write(file_, lines.data(), lines.size());
    } while (written < 0 && errno == EINTR);
    if (written == static_cast<ssize_t>(lines.size())) return;
    const auto why = written < 0 ? last_error() : std::string("the disk is full");
    const bool cut = ftruncate(file_, size) == 0;
    throw Error(fmt::format("cannot append to {}: {}; the lines before are whole{}", path_, why,
                            cut ? "" : ", the last one may not be"));
}

}  // namespace moe
