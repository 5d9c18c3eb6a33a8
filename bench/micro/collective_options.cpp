#include "bench/micro/collective_options.hpp"

#include "bench/sweep/number_list.hpp"
#include "kernels/runtime/error.hpp"

#include <fmt/format.h>
#include <CLI/CLI.hpp>

#include <algorithm>

namespace moe {
namespace {

constexpr DType kType = DType::bf16;
constexpr std::int64_t kMaxCols = 2048, kColsOfVector = 8, kVectorBytes = 16;
/// MPI counts elements in 32 bits.
constexpr std::int64_t kMaxBytes = std::int64_t{2} << 30U;

void check_sizes(const CollectiveOptions& options) {
    const auto check = [](const char* name, std::int64_t bytes, std::int64_t least) {
        if (bytes >= least && bytes <= kMaxBytes) return;
        throw BadArgument(
            fmt::format("{} {}: bytes from {} to {} are possible", name, bytes, least, kMaxBytes));
    };
    check("-b", options.smallest, 1);
    check("-e (--largest)", options.largest, options.smallest);
}

}  // namespace

std::vector<std::int64_t> CollectiveOptions::sizes(std::int64_t ranks) const {
    auto list = listed;
    if (list.empty()) {
        for (auto size = smallest; size <= largest; size *= factor) list.push_back(size);
        list.push_back(largest);
    }
    for (auto& size : list) size = std::max(size, ranks * kVectorBytes);
    list.erase(std::unique(list.begin(), list.end()), list.end());
    return list;
}

CollectiveOptions parse_collective_options(int argc, char** argv) {
    CollectiveOptions options;
    CLI::App app{"Times the collectives of a backend; other options are Google Benchmark's."};
    app.add_option("--backend", options.backend, "host or cuda")->capture_default_str();
    const auto bytes = CLI::AsSizeValue(false);
    app.add_option("-b,--minbytes", options.smallest, "bytes of the smallest matrix; 8, 64K, 1G")
        ->transform(bytes)
        ->capture_default_str();
    auto* largest = app.add_option("-e,--maxbytes", options.largest, "bytes of the largest matrix")
                        ->transform(bytes)
                        ->capture_default_str();
    app.add_option("--largest", options.largest, "the same as -e")
        ->transform(bytes)
        ->excludes(largest);
    app.add_option("-f,--stepfactor", options.factor, "from one matrix to the next")
        ->check(CLI::Range(2, 1 << 30))
        ->capture_default_str();
    std::string sizes;
    app.add_option("--sizes", sizes, "LIST of bytes, in place of these three");
    std::string format{"google"};
    app.add_option("--format", format,
                   "google, or nccl-tests: its columns, of calls back to back as it takes them")
        ->check(CLI::IsMember({"google", "nccl-tests"}))
        ->capture_default_str();
    app.add_option("-J,--json", options.json,
                   "new FILE for the JSON of nccl-tests; with it, that is the format");
    app.add_option("-c,--check", options.check, "with --format nccl-tests: 0 checks no result")
        ->check(CLI::Range(0, 1))
        ->capture_default_str();
    std::string sms{"default"};
    app.add_option("--sms", sms, "LIST of CTAs that NCCL uses; default: as many as it chooses")
        ->capture_default_str();
    app.add_flag("--share-gpu", options.share_gpu, "several ranks on one GPU");
    app.add_flag("--warm", options.warm,
                 "all calls use the same memory, instead of walking through twice the cache");
    app.allow_extras();
    try {
        app.parse(argc, argv);
    } catch (const CLI::CallForHelp&) {
        options.help = app.help();
    } catch (const CLI::ParseError& error) {
        throw BadArgument(error.what());
    }
    options.nccl_tests = format == "nccl-tests" || !options.json.empty();
    options.rest = app.remaining();
    options.sms = parse_sms("--sms", sms);
    if (!sizes.empty()) {
        options.listed = parse_number_list("--sizes", sizes, {1, kMaxBytes});
        const auto [least, most] =
            std::minmax_element(options.listed.begin(), options.listed.end());
        options.smallest = *least;
        options.largest = *most;
    }
    check_sizes(options);
    return options;
}

Matrix matrix_of(std::int64_t bytes, std::int64_t ranks) {
    const auto of_rank = bytes / ranks;
    Matrix matrix{nullptr, 1, kMaxCols, kType};
    const auto vectors = std::max<std::int64_t>(of_rank / kVectorBytes, 1);
    matrix.cols = std::min(vectors * kColsOfVector, kMaxCols);
    const auto row_bytes = static_cast<std::int64_t>(matrix.row_bytes());
    matrix.rows = std::max<std::int64_t>(of_rank / row_bytes, 1) * ranks;
    return matrix;
}

}  // namespace moe
