#include "bench/report/result_paths.hpp"

#include "kernels/runtime/error.hpp"

#include <fmt/format.h>
#include <sys/stat.h>
#include <unistd.h>

#include <filesystem>
#include <string_view>
#include <system_error>
#include <vector>

namespace moe {
namespace {

namespace fs = std::filesystem;

std::string_view name_of(fs::file_type type) {
    switch (type) {
        case fs::file_type::directory:
            return "a folder";
        case fs::file_type::fifo:
            return "a named pipe";
        case fs::file_type::socket:
            return "a socket";
        case fs::file_type::character:
        case fs::file_type::block:
            return "a device";
        default:
            return "no file";
    }
}

/// Whether the screen's text goes to that file: `> FILE` with --csv /dev/stdout or --csv FILE.
bool takes_the_screen(const std::string& path) {
    struct stat file {};
    if (stat(path.c_str(), &file) != 0) return false;
    for (const int stream : {STDOUT_FILENO, STDERR_FILENO}) {
        struct stat screen {};
        if (fstat(stream, &screen) != 0) continue;
        if (screen.st_dev == file.st_dev && screen.st_ino == file.st_ino) return true;
    }
    return false;
}

/// Why rows that are written there would be lost; empty if they would not.
std::string obstacle_of(const std::string& path) {
    std::error_code unknown;  // then opening it will say
    const auto seen = fs::status(path, unknown).type();
    if (seen == fs::file_type::not_found) {
        const bool is_link = fs::symlink_status(path, unknown).type() == fs::file_type::symlink;
        return is_link ? "a link to a file that is not there" : "";
    }
    if (seen == fs::file_type::none || seen == fs::file_type::unknown) return "";
    if (seen != fs::file_type::regular) return fmt::format("{}, not a regular file", name_of(seen));
    return takes_the_screen(path) ? "where the text for the screen goes" : "";
}

/// The path that every spelling of it leads to.
fs::path resolved(const std::string& path) {
    std::error_code unknown;
    auto found = fs::weakly_canonical(fs::absolute(path, unknown), unknown);
    return unknown ? fs::path(path).lexically_normal() : found;
}

bool is_same_file(const std::string& one, const std::string& other) {
    std::error_code absent;
    return resolved(one) == resolved(other) || fs::equivalent(one, other, absent);
}

}  // namespace

ResultPaths ResultPaths::of(const std::string& out, const std::string& csv,
                            const std::string& default_out) {
    const fs::path folder = out.empty() ? fs::path(default_out) : fs::path(out);
    const fs::path file = csv.empty() ? folder / "results.csv" : fs::path(csv);
    // --csv alone keeps everything beside the file; with --out, only the CSV goes elsewhere.
    const fs::path base =
        csv.empty() || !out.empty() ? folder / "results" : fs::path(file).replace_extension();
    const auto with = [&](const std::string& suffix) { return base.string() + suffix; };
    // Those of a folder have a name of their own.
    const auto alone = [&](const std::string& name) {
        return csv.empty() || !out.empty() ? (folder / name).string() : with("." + name);
    };
    const bool by_folder = csv.empty();
    return {file.string(),
            with(".json"),
            with(".samples.csv"),
            alone("status.json"),
            alone("auto_table.json"),
            by_folder ? "--out" : "--csv",
            by_folder ? folder.string() : csv};
}

std::string ResultPaths::charts() const {
    return (fs::path(csv).parent_path() / "plots").string();
}

void ResultPaths::check() const {
    struct Named {
        std::string_view what;
        const std::string& path;
        std::string_view by_option, as_given;
    };
    std::vector<Named> files{{"rows", csv, option, given},
                             {"provenance", json, option, given},
                             {"samples", samples, option, given},
                             {"status", status, option, given},
                             {"table of strategies", auto_table, option, given}};
    if (!trace.empty()) files.push_back({"trace", trace, "--trace", trace});
    for (std::size_t i = 0; i < files.size(); ++i) {
        const auto obstacle = obstacle_of(files[i].path);
        if (!obstacle.empty()) {
            throw BadArgument(fmt::format("{} '{}': {}, for the {}, is {}; name another",
                                          files[i].by_option, files[i].as_given, files[i].path,
                                          files[i].what, obstacle));
        }
        for (std::size_t k = 0; k < i; ++k) {
            if (!is_same_file(files[k].path, files[i].path)) continue;
            throw BadArgument(fmt::format("{} '{}': {} and {} would both go to {}; name another",
                                          files[i].by_option, files[i].as_given, files[k].what,
                                          files[i].what, files[i].path));
        }
    }
}

}  // namespace moe
