#include "bench/steps/traffic.hpp"
#include "bench/steps/whole_number.hpp"
#include "kernels/runtime/error.hpp"

#include <fmt/format.h>

#include <algorithm>
#include <array>
#include <cmath>
#include <cstdlib>
#include <set>
#include <string_view>

namespace moe {
namespace {

constexpr std::string_view kForm = "isl=4000,osl=1000,conc=512,chunk=8192,hit=0.6,spec=3";

struct Number {
    std::string_view name;
    std::int64_t Traffic::*member;
    Limits limits;
    bool needed{};
};
constexpr std::array kNumbers{
    Number{"isl", &Traffic::isl, {1, 1 << 20}, true},
    Number{"osl", &Traffic::osl, {1, 1 << 20}, true},
    Number{"conc", &Traffic::conc, {1, 1 << 14}, true},
    Number{"chunk", &Traffic::chunk, {1, 1 << 20}},
    Number{"spec", &Traffic::spec, {0, 64}},
};

double parse_share(const std::string& text) {
    char* end = nullptr;
    const double share = std::strtod(text.c_str(), &end);
    const bool whole = !text.empty() && *end == '\0';
    if (whole && share >= 0 && share < 1) return share;
    throw BadArgument(
        fmt::format("--traffic hit '{}': a share from 0 to less than 1 is wanted", text));
}

void read_pair(const std::string& key, const std::string& value, Traffic& traffic) {
    const auto* const number = std::ranges::find(kNumbers, key, &Number::name);
    if (number != kNumbers.end()) {
        traffic.*(number->member) =
            parse_whole_number(fmt::format("--traffic {}", key), value, number->limits);
    } else if (key == "hit") {
        traffic.hit = parse_share(value);
    } else {
        throw BadArgument(
            fmt::format("--traffic '{}': there are isl, osl, conc, chunk, hit, spec, "
                        "as in {}",
                        key, kForm));
    }
}

}  // namespace

Traffic parse_traffic(const std::string& text) {
    Traffic traffic;
    std::set<std::string> given;
    for (const auto& pair : split_list("--traffic", text)) {
        const auto equals = std::min(pair.find('='), pair.size());
        const auto key = pair.substr(0, equals);
        read_pair(key, equals == pair.size() ? "" : pair.substr(equals + 1), traffic);
        if (!given.insert(key).second) {
            throw BadArgument(fmt::format("--traffic '{}': {} is given twice", text, key));
        }
    }
    for (const auto& number : kNumbers) {
        if (!number.needed || given.contains(std::string(number.name))) continue;
        throw BadArgument(
            fmt::format("--traffic '{}': {} is wanted, as in {}", text, number.name, kForm));
    }
    return traffic;
}

}  // namespace moe
