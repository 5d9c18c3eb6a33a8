#include "bench/report/trace_file.hpp"

#include "kernels/runtime/error.hpp"

#include <fmt/format.h>
#include <unistd.h>
#include <nlohmann/json.hpp>

#include <cerrno>
#include <filesystem>
#include <fstream>
#include <system_error>
#include <utility>

namespace moe {
namespace {

namespace fs = std::filesystem;

bool is_there(const std::string& path) {
    std::error_code unknown;
    return fs::exists(path, unknown);
}

std::string cannot_write(const std::string& path) {
    return fmt::format("cannot write {}: {}", path, std::generic_category().message(errno));
}

std::string quoted(std::string_view text) {
    return nlohmann::json(text).dump(-1, ' ', false, nlohmann::json::error_handler_t::replace);
}

/// Names a process or a thread, and puts it behind those before it.
std::string named(std::string_view kind, int process, int thread, std::string_view name) {
    const auto of = fmt::format(R"("ph":"M","pid":{},"tid":{})", process, thread);
    return fmt::format(R"({{"name":"{0}_name",{1},"args":{{"name":{2}}}}},
{{"name":"{0}_sort_index",{1},"args":{{"sort_index":{3}}}}})",
                       kind, of, quoted(name), kind == "process" ? process : thread);
}

constexpr double kMicroseconds = 1e6;
constexpr char kBegin = '[';

}  // namespace

TraceFile::TraceFile(std::string path)
    : path_(std::move(path)), made_(!is_there(path_)), file_(std::fopen(path_.c_str(), "ae")) {
    if (!file_) throw BadArgument(cannot_write(path_));
    const int first = std::ifstream(path_).peek();
    if (first != kBegin && first != std::ifstream::traits_type::eof()) {
        throw BadArgument(fmt::format("{} is there, and is no trace: name another file", path_));
    }
}

TraceFile::~TraceFile() {
    if (begun_) {
        std::fputs("\n]\n", file_.get());
    } else if (made_) {
        std::error_code ignored;
        fs::remove(path_, ignored);
    }
}

void TraceFile::begin() {
    if (ftruncate(fileno(file_.get()), 0) != 0) throw Error(cannot_write(path_));
    begun_ = true;
    std::fputc(kBegin, file_.get());
    flush();
}

void TraceFile::append(std::string_view heading, std::span<const TraceTrack> tracks) {
    const int process = ++headings_;
    add(named("process", process, 0, heading));
    for (const auto& track : tracks) {
        const int thread = ++tracks_;  // viewers may take equal numbers for one thread
        add(named("thread", process, thread, track.name));
        for (const auto& slice : track.slices) {
            add(fmt::format(
                R"({{"name":{},"cat":{},"ph":"X","pid":{},"tid":{},"ts":{:.3f},"dur":{:.3f}}})",
                quoted(slice.name), quoted(slice.category), process, thread,
                slice.begin * kMicroseconds, slice.duration * kMicroseconds));
        }
    }
    flush();
}

void TraceFile::add(std::string_view event) {
    std::fputs(has_events_ ? ",\n" : "\n", file_.get());
    has_events_ = true;
    std::fwrite(event.data(), 1, event.size(), file_.get());
}

void TraceFile::flush() {
    if (std::fflush(file_.get()) != 0) throw Error(cannot_write(path_));
}

}  // namespace moe
