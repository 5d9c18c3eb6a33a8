#include "bench/tune/measure_auto_table.hpp"

#include <fmt/format.h>

#include <algorithm>
#include <utility>

namespace moe {
namespace {

/// Seconds that a point may take by what a smaller one took.
constexpr double kLongest = 3;
/// Runs of each strategy for one point at least, warm-ups included.
constexpr double kRuns = 20;
/// Seconds of a point whose exchanges are short.
constexpr double kUsual = 0.15;
/// Up to which an exchange takes as long whatever it moves.
constexpr std::int64_t kLatencyBytes = std::int64_t{64} << 10U;

std::string mebibytes(std::int64_t bytes) {
    return fmt::format("{:.3g} MiB", static_cast<double>(bytes) / (1U << 20U));
}

bool is_possible(const Exchange& exchange, const Backend& backend) {
    return (!exchange.captured || backend.device->capture_obstacle().empty()) &&
           (exchange.sms == 0 || backend.world->sms_obstacle(exchange.sms).empty());
}

}  // namespace

double point_seconds(const AutoTable::Row& smaller, std::int64_t bytes) {
    double us = 0;
    for (const auto& time : smaller.times) us += time.us;
    const auto base = std::max(smaller.exchange.bytes, kLatencyBytes);
    return kRuns * us * 1e-6 *
           std::max(static_cast<double>(bytes) / static_cast<double>(base), 1.0);
}

MeasuredTable measure_auto_table(const TuneParts& parts, std::span<const Case> cases,
                                 Heartbeat& heartbeat) {
    MeasuredTable table;
    const auto leave_out = [&](const std::string& why) {
        if (table.left_out++ == 0) table.why = why;
    };
    const auto points = tune_points(cases, parts.backend.world->size());
    for (std::size_t i = 0; i < points.size(); ++i) {
        const auto& exchange = points[i].exchange;
        if (!is_possible(exchange, parts.backend)) continue;  // as the case's rows will say
        heartbeat.set_phase(fmt::format("measuring a table of strategies: {} of {}, {}, {}", i + 1,
                                        points.size(), mebibytes(exchange.bytes),
                                        setting_text(exchange)));
        double seconds = 0;
        if (!table.rows.empty() && table.rows.back().exchange.comparable(exchange)) {
            seconds = point_seconds(table.rows.back(), exchange.bytes);
        }
        if (parts.bootstrap.broadcast(seconds) > kLongest) {
            leave_out(fmt::format("{} would take too long", mebibytes(exchange.bytes)));
            continue;
        }
        try {
            TunePointBench bench(parts, points[i]);
            auto times = bench.measure([&] { heartbeat.advance(); });
            if (!times.empty()) table.rows.push_back({exchange, std::move(times)});
        } catch (const OutOfMemory& error) {
            parts.planner.world_for(*points[i].params).free_unwound_memory();
            leave_out(error.what());
        }
    }
    return table;
}

double table_seconds(std::span<const Case> cases, int ranks) {
    return kUsual * static_cast<double>(tune_points(cases, ranks).size());
}

}  // namespace moe
