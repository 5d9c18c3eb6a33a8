#include "bench/steps/read_steps.hpp"

#include "bench/report/finished_cases.hpp"
#include "bench/steps/step_header.hpp"
#include "bench/steps/step_row.hpp"
#include "kernels/runtime/error.hpp"

#include <fmt/format.h>
#include <fmt/ranges.h>
#include <nlohmann/json.hpp>

#include <algorithm>
#include <filesystem>
#include <fstream>
#include <utility>

namespace moe {
namespace {

using nlohmann::json;

constexpr std::size_t kMaxBadRows = 8;                       ///< that are shown
constexpr std::uintmax_t kMaxBytes = 1ULL << 30;             ///< of a file: it is sent to all ranks
constexpr std::string_view kByteOrderMark = "\xEF\xBB\xBF";  ///< with which spreadsheets begin

BadArgument unknown_field(std::string_view name) {
    return BadArgument(
        fmt::format("'{}' is no field; there are: {}", name, fmt::join(kStepFields, ", ")));
}

/// Text of a JSON value that is no list, as CSV would have it.
std::string text_of_scalar(std::string_view name, const json& value) {
    if (value.is_null()) return {};
    if (value.is_string()) return value.get<std::string>();
    if (value.is_number()) return value.dump();
    throw BadArgument(fmt::format("{} {}: a text, a number or a list of them is wanted", name,
                                  value.dump(-1, ' ', false, json::error_handler_t::replace)));
}

/// The same of any value; the parts of a list are separated by ;
std::string text_of_json(std::string_view name, const json& value) {
    if (!value.is_array()) return text_of_scalar(name, value);
    std::vector<std::string> parts;
    for (const auto& part : value) parts.push_back(text_of_scalar(name, part));
    return fmt::format("{}", fmt::join(parts, ";"));
}

/// Reads a file line by line.
class StepReader {
public:
    explicit StepReader(const std::string& path) : path_(path) { file_.source = path; }

    void read_line(std::string_view line) {
        ++line_;
        if (line.ends_with('\r')) line.remove_suffix(1);
        if (line.empty()) return;
        try {
            read(line);
        } catch (const BadArgument& error) {
            if (bad_.size() < kMaxBadRows) bad_.push_back(at_line(error.what()));
            ++bad_count_;
            // Nothing that follows can be read without the names of the columns.
            has_columns_ = has_columns_ && (json_ || !columns_.empty());
        }
    }
    [[nodiscard]] bool may_go_on() const { return has_columns_; }

    [[nodiscard]] StepFile finish(const std::function<void(const std::string&)>& on_bad) {
        if (!bad_.empty()) throw_bad(on_bad);
        if (file_.steps.empty()) {
            throw BadArgument(fmt::format("{}: no steps; a row for each is wanted", path_));
        }
        return std::move(file_);
    }

private:
    void read(std::string_view line) {
        if (line.front() == '#') {
            read_comment(line.substr(1));
        } else if (line.front() == '{') {
            json_ = true;
            add(texts_of_object(line));
        } else if (json_) {
            throw BadArgument("a JSON object is wanted, like those before");
        } else if (columns_.empty()) {
            read_columns(line);
        } else {
            add(texts_of_cells(line));
        }
    }

    void read_comment(std::string_view comment) {
        if (!file_.steps.empty()) {
            if (comment.find('=') == std::string_view::npos) return;
            throw BadArgument("the deployment is wanted before the first step");
        }
        read_step_comment(comment, file_);
        check_deployment(file_);
    }

    void read_columns(std::string_view line) {
        std::vector<StepField> columns;
        for (const auto& name : csv_cells(line)) {
            const auto field = find_step_field(name);
            if (!field) throw unknown_field(name);
            if (std::ranges::find(columns, *field) != columns.end()) {
                throw BadArgument(fmt::format("two columns are named {}", name));
            }
            columns.push_back(*field);
        }
        if (std::ranges::find(columns, StepField::tokens_per_rank) == columns.end()) {
            throw BadArgument("no column is named tokens_per_rank");
        }
        columns_ = std::move(columns);
    }

    [[nodiscard]] StepTexts texts_of_cells(std::string_view line) const {
        auto cells = csv_cells(line);
        if (cells.size() != columns_.size()) {
            throw BadArgument(
                fmt::format("{} cells; there are {} columns", cells.size(), columns_.size()));
        }
        StepTexts texts;
        for (std::size_t i = 0; i < cells.size(); ++i) {
            texts[static_cast<std::size_t>(columns_[i])] = std::move(cells[i]);
        }
        return texts;
    }

    [[nodiscard]] static StepTexts texts_of_object(std::string_view line) {
        const auto object = json::parse(line, nullptr, /*allow_exceptions=*/false);
        if (!object.is_object()) throw BadArgument("no whole JSON object in one line");
        StepTexts texts;
        for (const auto& [name, value] : object.items()) {
            const auto field = find_step_field(name);
            if (!field) throw unknown_field(name);
            texts[static_cast<std::size_t>(*field)] = text_of_json(name, value);
        }
        return texts;
    }

    void add(const StepTexts& texts) {
        auto step = parse_step(texts, file_.dp);
        // All rows have as many numbers as the first.
        if (!file_.dp) file_.dp = static_cast<std::int64_t>(step.tokens.size());
        check_deployment(file_);
        if (!step.phase) step.phase = file_.role;
        add_engine(texts);
        file_.steps.push_back(std::move(step));
    }

    void add_engine(const StepTexts& texts) {
        const auto& engine = text_of(texts, StepField::engine);
        const auto& version = text_of(texts, StepField::version);
        if (engine.empty() || (engine == last_engine_ && version == last_version_)) return;
        last_engine_ = engine;
        last_version_ = version;
        const auto name = version.empty() ? engine : fmt::format("{} {}", engine, version);
        auto& engines = file_.engines;
        if (std::ranges::find(engines, name) == engines.end()) engines.push_back(name);
    }

    [[nodiscard]] std::string at_line(std::string_view what) const {
        return fmt::format("{}, line {}: {}", path_, line_, what);
    }

    [[noreturn]] void throw_bad(const std::function<void(const std::string&)>& on_bad) {
        const auto more = bad_count_ - bad_.size();
        if (more > 0) bad_.back() += fmt::format(" (and {} more bad rows)", more);
        const auto last = std::move(bad_.back());
        bad_.pop_back();
        std::ranges::for_each(bad_, on_bad);
        throw BadArgument(last);
    }

    std::string path_;
    StepFile file_;
    std::size_t line_{};
    bool json_{}, has_columns_{true};
    std::vector<StepField> columns_;
    std::string last_engine_, last_version_;
    std::vector<std::string> bad_;
    std::size_t bad_count_{};
};

}  // namespace

StepFile parse_steps(std::string_view text, const std::string& path,
                     const std::function<void(const std::string&)>& on_bad) {
    StepReader reader(path);
    if (text.starts_with(kByteOrderMark)) text.remove_prefix(kByteOrderMark.size());
    while (!text.empty() && reader.may_go_on()) {
        const auto end = std::min(text.find('\n'), text.size());
        reader.read_line(text.substr(0, end));
        text.remove_prefix(std::min(end + 1, text.size()));
    }
    return reader.finish(on_bad);
}

std::string read_step_bytes(const std::string& path) {
    std::error_code error;
    const auto bytes = std::filesystem::file_size(path, error);
    if (error) throw BadArgument(fmt::format("--steps '{}': {}", path, error.message()));
    if (bytes > kMaxBytes) {
        throw BadArgument(
            fmt::format("--steps '{}': {} bytes; at most {} can be read", path, bytes, kMaxBytes));
    }
    std::ifstream file(path, std::ios::binary);
    std::string text(bytes, '\0');
    if (!file.read(text.data(), static_cast<std::streamsize>(bytes))) {
        throw BadArgument(fmt::format("--steps '{}': it cannot be read", path));
    }
    return text;
}

}  // namespace moe
