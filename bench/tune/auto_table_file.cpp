#include "bench/tune/auto_table_file.hpp"

#include "comm/named_table.hpp"

#include <fmt/format.h>
#include <nlohmann/json.hpp>

#include <cmath>
#include <limits>
#include <string_view>
#include <utility>

namespace moe {
namespace {

using nlohmann::json;

constexpr int kVersion = 1;
constexpr std::string_view kEager = "off";
constexpr std::string_view kGraph = "on";

/// Reads the fields of an object, and says where one is not as it should be.
class Fields {
public:
    Fields(const json& object, std::string where) : object_(object), where_(std::move(where)) {
        if (!object.is_object()) refuse(fmt::format("{}, not an object", cut(object)));
    }

    [[noreturn]] void refuse(std::string_view why) const {
        throw BadArgument(fmt::format("{}: {}", where_, why));
    }
    [[nodiscard]] const json& at(const char* key) const {
        const auto found = object_.find(key);
        if (found == object_.end()) refuse(fmt::format("'{}' is missing", key));
        return *found;
    }
    [[nodiscard]] std::string text(const char* key) const {
        const auto& value = at(key);
        if (!value.is_string()) refuse(key, value, "a text");
        return value.get<std::string>();
    }
    [[nodiscard]] std::int64_t whole(const char* key, std::int64_t least) const {
        const auto& value = at(key);
        const bool fits =
            value.is_number_integer() &&
            (!value.is_number_unsigned() ||
             value.get<std::uint64_t>() <=
                 static_cast<std::uint64_t>(std::numeric_limits<std::int64_t>::max()));
        if (!fits || value.get<std::int64_t>() < least) {
            refuse(key, value, fmt::format("a whole number from {} on", least));
        }
        return value.get<std::int64_t>();
    }
    /// Above 0, and at most `most`.
    [[nodiscard]] double number(const char* key, double most) const {
        return checked(key, at(key), most);
    }
    [[nodiscard]] double checked(const std::string& key, const json& value, double most) const {
        const double number = value.is_number() ? value.get<double>() : 0;
        if (number > 0 && number <= most) return number;
        const bool bounded = most < std::numeric_limits<double>::max();
        refuse(key, value,
               bounded ? fmt::format("a number above 0, up to {}", most) : "a number above 0");
    }

private:
    [[nodiscard]] static std::string cut(const json& value) {
        constexpr std::size_t kShown = 40;
        auto text = value.dump(-1, ' ', true, json::error_handler_t::replace);
        if (text.size() > kShown) text = text.substr(0, kShown) + "...";
        return text;
    }
    [[noreturn]] void refuse(const std::string& key, const json& value,
                             std::string_view wanted) const {
        refuse(fmt::format("'{}' is {}; {} is wanted", key, cut(value), wanted));
    }

    const json& object_;
    std::string where_;
};

bool captured_of(const Fields& fields) {
    const auto graph = fields.text("graph");
    if (graph != kEager && graph != kGraph) {
        fields.refuse(fmt::format("'graph' is '{}'; there are: {}, {}", graph, kEager, kGraph));
    }
    return graph == kGraph;
}

const CombineEntry& strategy_of(const Fields& fields, const std::string& name) {
    try {
        const auto& entry = find_named(combine_table(), name, "combine");
        if (may_be_in_table(entry)) return entry;
    } catch (const BadArgument& error) {
        fields.refuse(error.what());
    }
    fields.refuse(fmt::format("'us' names {}; only forms of reduce_scatter can be chosen", name));
}

AutoTable::Row row_of(const json& object, const std::string& where) {
    const Fields fields(object, where);
    AutoTable::Row row;
    auto& exchange = row.exchange;
    try {
        exchange.dtype = find_named(dtypes(), fields.text("dtype"), "dtype").dtype;
    } catch (const BadArgument& error) {
        fields.refuse(error.what());
    }
    exchange.captured = captured_of(fields);
    exchange.sms = fields.whole("sms", 0);
    exchange.bytes = fields.whole("bytes", 1);
    exchange.largest_share = fields.number("largest_share", 1);
    const auto& times = fields.at("us");
    if (!times.is_object() || times.empty()) {
        fields.refuse("'us' holds no times; an object of strategies and microseconds is wanted");
    }
    for (const auto& [name, us] : times.items()) {
        row.times.push_back({&strategy_of(fields, name),
                             fields.checked(name, us, std::numeric_limits<double>::max())});
    }
    return row;
}

/// That the table was measured where it is to be used.
void check_origin(const Fields& fields, const TableOrigin& here) {
    const auto check = [&](const char* what, const std::string& was, const std::string& is) {
        if (was == is) return;
        fields.refuse(
            fmt::format("a table of {} '{}', and this run has '{}'; name another, or none: then "
                        "one is measured",
                        what, was, is));
    };
    check("backend", fields.text("backend"), here.backend);
    check("device", fields.text("device"), here.device);
    check("ranks", fmt::format("{}", fields.whole("ranks", 1)), fmt::format("{}", here.ranks));
    check("mode", fields.text("mode"), here.mode);
}

}  // namespace

json table_to_json(const AutoTable& table, const TableOrigin& origin) {
    auto rows = json::array();
    for (const auto& [exchange, times] : table.rows()) {
        auto us = json::object();
        for (const auto& time : times) us[std::string(time.entry->name)] = time.us;
        rows.push_back({{"dtype", to_string(exchange.dtype)},
                        {"graph", exchange.captured ? kGraph : kEager},
                        {"sms", exchange.sms},
                        {"bytes", exchange.bytes},
                        {"largest_share", exchange.largest_share},
                        {"us", std::move(us)}});
    }
    return {{"schema_version", kVersion}, {"backend", origin.backend}, {"device", origin.device},
            {"ranks", origin.ranks},      {"mode", origin.mode},       {"rows", std::move(rows)}};
}

AutoTable parse_auto_table(const std::string& text, const std::string& file,
                           const TableOrigin& here) {
    const auto where = fmt::format("table of strategies '{}'", file);
    const auto all = json::parse(text, nullptr, /*allow_exceptions=*/false);
    if (all.is_discarded()) {
        throw BadArgument(fmt::format(
            "{}: no JSON; wanted is what a run with reduce_scatterv_auto wrote", where));
    }
    const Fields fields(all, where);
    if (fields.whole("schema_version", 1) != kVersion) {
        fields.refuse(fmt::format("schema_version {}; this program reads {}",
                                  fields.whole("schema_version", 1), kVersion));
    }
    check_origin(fields, here);
    const auto& rows = fields.at("rows");
    if (!rows.is_array()) fields.refuse("'rows' is no list");
    std::vector<AutoTable::Row> read;
    for (const auto& row : rows) {
        read.push_back(row_of(row, fmt::format("{}, row {}", where, read.size() + 1)));
    }
    return AutoTable(std::move(read));
}

}  // namespace moe
