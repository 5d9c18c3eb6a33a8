#include "bench/sweep/axes.hpp"
#include "bench/sweep/listings.hpp"
#include "bench/sweep/options.hpp"
#include "bench/sweep/plain_options.hpp"
#include "bench/sweep/version.hpp"
#include "kernels/runtime/error.hpp"

#include <fmt/format.h>
#include <CLI/CLI.hpp>

#include <algorithm>
#include <map>
#include <string>
#include <vector>

namespace moe {
namespace {

/// By name, as typed or at their default. CLI11 knows the names; the values are read afterwards, so
/// that every bad one is answered in the same way, and after --help.
using Texts = std::map<std::string, std::string>;

std::vector<OptionEntry> all_options() {
    std::vector<OptionEntry> all;
    for (const auto& axis : axes()) all.push_back(axis.option);
    all.insert(all.end(), plain_options().begin(), plain_options().end());
    return all;
}

const char* title_of(OptionGroup group) {
    switch (group) {
        case OptionGroup::layer:
            return "Layer";
        case OptionGroup::topology:
            return "Topology";
        case OptionGroup::step:
            return "Step";
        case OptionGroup::strategies:
            return "Strategies";
        case OptionGroup::measurement:
            return "Measurement";
        case OptionGroup::run:
            return "Run and results";
        case OptionGroup::instead:
            return "Instead of a sweep";
    }
    raise(MOE_SITE("group"), "unknown OptionGroup");
}

/// Like the option's other texts, it is overruled by what follows it.
void declare_shorthand(CLI::App& app, const OptionEntry& entry, std::string& text) {
    const auto help = fmt::format("the same as {} {}", entry.name, entry.shorthand.text);
    const auto set = [&text, value = entry.shorthand.text] { text = value; };
    app.add_flag_callback(entry.shorthand.flag, set, help)
        ->trigger_on_parse()
        ->group(title_of(entry.group));
}

void declare(CLI::App& app, const std::vector<OptionEntry>& entries, Texts& texts) {
    app.get_help_ptr()->group(title_of(OptionGroup::instead));
    for (const auto& entry : entries) {
        auto& text = texts[entry.name];
        if (entry.is_flag()) {
            const auto set = [&text] { text = "true"; };
            app.add_flag_callback(entry.name, set, entry.help)->group(title_of(entry.group));
            continue;
        }
        text = entry.initial;
        // A script's default followed by a user's choice is no mistake: the last one counts.
        app.add_option(entry.name, text, entry.help)
            ->capture_default_str()
            ->take_last()
            ->trigger_on_parse()
            ->group(title_of(entry.group));
        if (entry.shorthand.flag != nullptr) declare_shorthand(app, entry, text);
    }
}

/// Everything checked that does not need the number of ranks.
Options read_options(const std::vector<OptionEntry>& entries, const Texts& texts) {
    Options options;
    for (const auto& entry : entries) {
        const auto& text = texts.at(entry.name);
        const bool left_out = text.empty() && (entry.is_flag() || *entry.initial == '\0');
        if (entry.read != nullptr && !left_out) entry.read(entry.name, text, options);
        if (entry.is_setting()) options.settings[entry.name] = text;
    }
    check_options(options);
    return options;
}

/// A mixed load has a number of tokens of its own: with no other, nothing asks for --tokens.
void check_tokens_asked_for(const Options& options) {
    if (!std::ranges::all_of(options.loads, &Load::mixed)) return;
    throw BadArgument(fmt::format(
        "--tokens '{}': every --load is mixed:C:B, which says how many tokens there are",
        options.settings.at("--tokens")));
}

/// Steps say what the lists would; they are from one place, which must not be a script's variable
/// that is empty.
void check_source(const CLI::App& app, const std::string& steps, const std::string& text) {
    if (app.count(steps) == 0) return;
    if (text.empty()) {
        throw BadArgument(fmt::format("{} '': {} is wanted", steps,
                                      steps == "--steps" ? "a file" : "isl=N,osl=N,conc=N"));
    }
    for (const std::string option : {"--tokens", "--load", "--traffic"}) {
        if (option == steps || app.count(option) == 0) continue;
        throw BadArgument(fmt::format(
            "{} and {} '{}': the latter says tokens and load of each step", option, steps, text));
    }
}

}  // namespace

ParsedCommandLine parse_command_line(int argc, const char* const* argv,
                                     std::span<const Listing> more_listings) {
    CLI::App app{
        "Times tensor-parallel all-reduce + dp_scatter against reduce_scatterv through a "
        "synthetic MoE layer, end to end, and checks every result.\n"
        "LIST is comma-separated; numbers also first:last:xFACTOR or first:last:+STEP.",
        "bench_moe_comm"};
    const auto entries = all_options();
    Texts texts;
    declare(app, entries, texts);
    try {
        app.parse(argc, argv);
    } catch (const CLI::CallForHelp&) {
        return {PrintAndStop{app.help()}, {}};
    } catch (const CLI::ParseError& error) {
        throw BadArgument(fmt::format("{} (see --help)", error.what()));
    }
    if (!texts["--version"].empty()) return {PrintAndStop{version_line()}, {}};
    if (!texts["--list"].empty())
        return {PrintAndStop{list_of(texts["--list"], more_listings)}, {}};
    for (const auto* steps : {"--steps", "--traffic"}) {
        check_source(app, steps, texts[steps]);
    }
    ParsedCommandLine parsed{std::nullopt, read_options(entries, texts)};
    if (app.count("--tokens") > 0) check_tokens_asked_for(parsed.options);
    parsed.options.model_given = app.count("--model") > 0;
    parsed.options.command_line.assign(argv, argv + argc);
    return parsed;
}

}  // namespace moe
