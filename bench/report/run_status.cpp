#include "bench/report/run_status.hpp"

#include "bench/report/json_file.hpp"

#include <nlohmann/json.hpp>

#include <fstream>

namespace moe {

using nlohmann::json;

void write_status(const std::string& path, const RunStatus& status) {
    replace_json_file(path, {{"state", status.state},
                             {"message", status.message},
                             {"run_id", status.run_id},
                             {"rows", status.rows},
                             {"case_id", status.case_id},
                             {"deaths", status.deaths}});
}

RunStatus read_status(const std::string& path) {
    std::ifstream file(path);
    const auto left = json::parse(file, nullptr, /*allow_exceptions=*/false);
    try {
        return {left.at("state"),          left.at("message"),
                left.at("run_id"),         left.at("rows"),
                left.value("case_id", ""), left.value("deaths", std::map<std::string, int>())};
    } catch (const json::exception&) {  // not written by this program
        return {};
    }
}

std::map<std::string, int> deaths_with(const RunStatus& left) {
    auto deaths = left.deaths;
    const bool died = left.state == "running" || left.state == "failed";
    if (died && !left.case_id.empty()) ++deaths[left.case_id];
    return deaths;
}

}  // namespace moe
