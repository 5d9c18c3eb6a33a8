#include "bench/report/json_file.hpp"

#include "kernels/runtime/error.hpp"

#include <fmt/format.h>
#include <sys/utsname.h>
#include <unistd.h>
#include <nlohmann/json.hpp>

#include <cerrno>
#include <filesystem>
#include <fstream>
#include <string_view>
#include <system_error>

namespace moe {
namespace {

namespace fs = std::filesystem;
using nlohmann::json;

/// Command lines and environments may hold any bytes.
std::string dump(const json& value) {
    return value.dump(2, ' ', false, json::error_handler_t::replace) + '\n';
}

}  // namespace

void replace_json_file(const std::string& path, const json& value) {
    // A name of its own: hosts that share a file system may do this at the same time.
    utsname host{};
    uname(&host);
    const auto fresh = fmt::format("{}.{}-{}.new", path, std::string_view(host.nodename), getpid());
    {
        std::ofstream file(fresh);
        file << dump(value);
        file.flush();
        if (!file) {
            const auto why = std::generic_category().message(errno);
            file.close();
            std::error_code ignored;
            fs::remove(fresh, ignored);
            throw Error(fmt::format("cannot write {}: {}", path, why));
        }
    }
    fs::rename(fresh, path);
}

}  // namespace moe
