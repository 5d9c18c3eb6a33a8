#pragma once

#include "bench/sweep/cases.hpp"
#include "bench/sweep/options.hpp"

#include <iterator>
#include <sstream>
#include <string>
#include <vector>

namespace moe {

/// Words separated by spaces, behind the program's name.
[[nodiscard]] inline std::vector<std::string> words_of(const std::string& line) {
    std::istringstream stream("bench_moe_comm " + line);
    return {std::istream_iterator<std::string>(stream), {}};
}

[[nodiscard]] inline Options options_of(const std::string& line) {
    const auto words = words_of(line);
    std::vector<const char*> argv;
    for (const auto& word : words) argv.push_back(word.c_str());
    return parse_command_line(static_cast<int>(argv.size()), argv.data()).options;
}

/// The cases of a sweep that a command line asks for.
[[nodiscard]] inline std::vector<Case> cases_of(const std::string& line, int ranks) {
    return expand_cases(options_of(line), ranks);
}

}  // namespace moe
