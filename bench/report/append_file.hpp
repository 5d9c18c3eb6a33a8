#pragma once

#include <cstddef>
#include <cstdint>
#include <string>
#include <string_view>

namespace moe {

/// What to do about a file whose last line has no end, because its writer was killed.
enum class TornLine : std::uint8_t { refuse, allow };

/// A file of lines that only grows. Each append is one write of whole lines, so a run that is
/// killed leaves every line it wrote, and half of one only if SIGKILL comes while the kernel copies
/// it; the file is locked against other runs while open.
class AppendFile {
public:
    /// Opens or makes the file. With a first line in it that is not `header`, or locked by another
    /// run, or not to be opened: a BadArgument. A torn line that is allowed stays until keep().
    AppendFile(std::string path, std::string_view header, TornLine torn = TornLine::refuse);
    ~AppendFile();
    AppendFile(const AppendFile&) = delete;
    AppendFile& operator=(const AppendFile&) = delete;

    /// An Error if it cannot be written whole, a full disk for one; nothing of it is left then.
    void append(std::string_view lines);
    /// Everything behind the first `bytes` goes; of an empty file the header stays.
    void keep(std::size_t bytes);
    /// A BadArgument if there is a file with something in it that lines under `header` cannot
    /// follow.
    static void check_header(const std::string& path, std::string_view header,
                             TornLine torn = TornLine::refuse);
    /// Cuts off a last line without an end, by path: for those who outlived the file's writer.
    static void cut_torn_line(const std::string& path);

private:
    std::string path_;
    std::string header_;
    int file_;
};

}  // namespace moe
