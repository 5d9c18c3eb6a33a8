// What is written to a results file reads back as it was, and a file that is there already is
// either fit to be appended to or refused untouched.
//
// Input: the letter r and a row, its cells separated by |, each a letter (t text, i whole
// number, d number, b true, any other: empty) and its value; or any other byte and the bytes of a
// file.
#include "bench/report/append_file.hpp"
#include "bench/report/csv.hpp"
#include "tests/fuzz/complaint.hpp"

#include <fmt/format.h>
#include <sys/mman.h>
#include <unistd.h>

#include <algorithm>
#include <charconv>
#include <cmath>
#include <cstdint>
#include <cstdlib>
#include <limits>
#include <string>
#include <string_view>
#include <variant>
#include <vector>

namespace moe {
namespace {

using Row = std::vector<std::string>;

/// RFC 4180, and nothing that it does not say, but for lines that end in \n alone.
class Reader {
public:
    explicit Reader(std::string_view text) : rest_(text) {}

    std::vector<Row> read() {
        std::vector<Row> rows;
        while (!rest_.empty()) rows.push_back(read_row());
        return rows;
    }

private:
    Row read_row() {
        Row row;
        for (;;) {
            row.push_back(rest_.starts_with('"') ? read_quoted() : read_plain());
            MOE_EXPECT(!rest_.empty(), "the last line does not end");
            const bool last = rest_.front() == '\n';
            MOE_EXPECT(last || rest_.front() == ',', "neither a comma nor an end after a cell");
            rest_.remove_prefix(1);
            if (last) return row;
        }
    }

    std::string read_plain() {
        const auto cell = rest_.substr(0, rest_.find_first_of(",\n"));
        MOE_EXPECT(cell.find_first_of("\"\r") == std::string_view::npos, "it wants quotes");
        rest_.remove_prefix(cell.size());
        return std::string(cell);
    }

    std::string read_quoted() {
        std::string cell;
        for (;;) {
            rest_.remove_prefix(1);
            const auto end = rest_.find('"');
            MOE_EXPECT(end != std::string_view::npos, "a quote that is never closed");
            cell += rest_.substr(0, end);
            rest_.remove_prefix(end + 1);
            if (!rest_.starts_with('"')) return cell;
            cell += '"';
        }
    }

    std::string_view rest_;
};

Value value_of(std::string_view cell) {
    const std::string text(cell.substr(std::min<std::size_t>(cell.size(), 1)));
    std::int64_t number = 0;
    switch (cell.empty() ? ' ' : cell.front()) {
        case 't':
            return text;
        case 'i':
            std::from_chars(text.data(), text.data() + text.size(), number);
            return number;
        case 'd':
            return std::strtod(text.c_str(), nullptr);
        case 'b':
            return text != "false";
        default:
            return {};
    }
}

bool reads_back(double value, const std::string& cell) {
    if (!std::isfinite(value)) return cell.empty();
    constexpr double kSixDigits = 5e-6;
    const double back = std::strtod(cell.c_str(), nullptr);
    // The largest numbers may round up to infinity.
    if (!std::isfinite(back)) return std::abs(value) > 1.79769e308;
    // So small that doubles have fewer digits than that.
    const double least = std::numeric_limits<double>::denorm_min();
    return std::abs(back - value) <= std::max(kSixDigits * std::abs(value), least);
}

struct ReadsBack {
    const std::string& cell;

    bool operator()(std::monostate /*empty*/) const { return cell.empty(); }
    bool operator()(bool value) const { return cell == (value ? "true" : "false"); }
    bool operator()(std::int64_t value) const { return cell == std::to_string(value); }
    bool operator()(double value) const { return reads_back(value, cell); }
    bool operator()(const std::string& value) const { return cell == value; }
};

/// The cells of an input.
std::vector<Value> cells_of(std::string_view text) {
    std::vector<Value> cells;
    for (;;) {
        const auto cell = text.substr(0, text.find('|'));
        cells.push_back(value_of(cell));
        if (cell.size() == text.size()) return cells;
        text.remove_prefix(cell.size() + 1);
    }
}

void check_cells(const std::vector<Value>& cells) {
    const auto lines = Reader(csv_line(cells)).read();
    MOE_EXPECT(lines.size() == 1, "cells are not one line");
    MOE_EXPECT(lines[0].size() == cells.size(), "not as many cells");
    for (std::size_t i = 0; i < cells.size(); ++i) {
        MOE_EXPECT(std::visit(ReadsBack{lines[0][i]}, cells[i]), "another value");
    }
}

/// One file in memory for all inputs, with a path like every other file.
class MemoryFile {
public:
    MemoryFile() : file_(memfd_create("fuzz_csv", MFD_CLOEXEC)) {
        MOE_EXPECT(file_ >= 0, "no file in memory to be had");
    }
    ~MemoryFile() { close(file_); }
    MemoryFile(const MemoryFile&) = delete;
    MemoryFile& operator=(const MemoryFile&) = delete;

    [[nodiscard]] std::string path() const { return fmt::format("/proc/self/fd/{}", file_); }

    void write(std::string_view bytes) const {
        MOE_EXPECT(ftruncate(file_, 0) == 0, "cannot empty the file");
        const auto written = pwrite(file_, bytes.data(), bytes.size(), 0);
        MOE_EXPECT(written == static_cast<ssize_t>(bytes.size()), "cannot fill the file");
    }

    [[nodiscard]] std::string read() const {
        std::string bytes(static_cast<std::size_t>(lseek(file_, 0, SEEK_END)), '\0');
        const auto got = pread(file_, bytes.data(), bytes.size(), 0);
        MOE_EXPECT(got == static_cast<ssize_t>(bytes.size()), "cannot read the file");
        return bytes;
    }

private:
    int file_;
};

constexpr std::string_view kHeader = "tokens,load\n";
constexpr std::string_view kLine = "16,hot\n";

/// Whether lines can be appended; a refusal must be fit to be read.
template <class Action>
bool accepts(Action&& action) {
    try {
        action();
        return true;
    } catch (const BadArgument& error) {
        check_complaint(error);
        return false;
    }
}

void check_file(std::string_view bytes) {
    static const MemoryFile file;
    file.write(bytes);
    const bool fit = bytes.empty() || (bytes.starts_with(kHeader) && bytes.ends_with('\n'));
    MOE_EXPECT(accepts([] { AppendFile::check_header(file.path(), kHeader); }) == fit,
               "the wrong verdict about a file");
    MOE_EXPECT(file.read() == bytes, "looking at a file changed it");

    const bool appended = accepts([] { AppendFile(file.path(), kHeader).append(kLine); });
    MOE_EXPECT(appended == fit, "the wrong verdict when it was opened");
    std::string expected(bytes);
    if (bytes.empty()) expected += kHeader;
    if (fit) expected += kLine;
    MOE_EXPECT(file.read() == expected, "not what was appended");
}

}  // namespace
}  // namespace moe

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
    if (size == 0) return 0;
    const std::string text(data + 1, data + size);
    if (data[0] == 'r') {
        moe::check_cells(moe::cells_of(text));
    } else {
        moe::check_file(text);
    }
    return 0;
}
