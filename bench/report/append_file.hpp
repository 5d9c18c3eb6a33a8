#pragma once

#include <string>
#include <string_view>

namespace moe {

/// A file of lines that only grows. Each append is one write of whole lines, so a run that is
/// killed leaves every line it wrote and no half of one; the file is locked against other runs
/// while open.
class AppendFile {
public:
    /// Opens or makes the file. With a first line in it that is not `header`, or locked by another
    /// run, or not to be opened: a BadArgument.
    AppendFile(std::string path, std::string_view header);
    ~AppendFile();
    AppendFile(const AppendFile&) = delete;
    AppendFile& operator=(const AppendFile&) = delete;

    /// An Error if it cannot be written whole, a full disk for one; nothing of it is left then.
    void append(std::string_view lines);
    /// A BadArgument if there is a file with something in it that lines under `header` cannot
    /// follow.
    static void check_header(const std::string& path, std::string_view header);

private:
    std::string path_;
    int file_;
};

}  // namespace moe
