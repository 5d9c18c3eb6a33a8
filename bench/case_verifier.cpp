#include "bench/case_verifier.hpp"

#include <fmt/format.h>

#include <cmath>
#include <set>

namespace moe {
namespace {

/// The second run, on other data, must not live on what the first left behind.
constexpr int kRuns = 2;
constexpr std::byte kPoison{0xff};

/// Above this many weights for a token, the reference takes most of a second for each.
constexpr std::int64_t kManyWeights = 100'000'000;

}  // namespace

std::string CaseVerifier::agree(const std::string& wrong) {
    return parts_.control.first_text(
        wrong.empty() ? wrong : fmt::format("rank {}: {}", parts_.control.rank(), wrong));
}

std::string CaseVerifier::check_gather() {
    auto& [device, stream, control, layer, gather, row_map, combine, reference, seed] = parts_;
    const auto& owned = row_map.owned();
    const auto input = layer.input();
    const auto all = layer.gathered();
    std::vector<std::byte> real(input.bytes());
    device.download(input.data, real.data(), real.size());

    const int me = control.rank();
    std::string wrong;
    for (int run = 0; run < kRuns; ++run) {
        const ExactData exact(input.dtype, owned.ranks(), seed + static_cast<std::uint64_t>(run));
        const auto mine = exact.contribution(owned.first(me), input.rows, input.cols, me);
        device.upload(mine.data(), input.data, mine.size());
        std::vector<std::byte> want;
        want.reserve(all.bytes());
        for (int rank = 0; rank < owned.ranks(); ++rank) {
            const auto theirs =
                exact.contribution(owned.first(rank), owned.rows(rank), all.cols, rank);
            want.insert(want.end(), theirs.begin(), theirs.end());
        }
        device.fill_bytes(all, kPoison, stream);
        gather.run(input, all, stream);
        stream.synchronize();
        if (wrong.empty()) wrong = compare_bits(device, all, want, 0);
    }
    device.upload(real.data(), input.data, real.size());
    return agree(wrong);
}

std::string CaseVerifier::check_combine(Combine& combine) {
    auto& device = parts_.device;
    const auto& setup = parts_.combine;
    const auto partial = parts_.layer.partial();
    const auto mine = parts_.layer.result();
    std::string wrong;
    for (int run = 0; run < kRuns; ++run) {
        const ExactData exact(setup.dtype, setup.world.size(),
                              parts_.seed + static_cast<std::uint64_t>(run));
        const auto given = exact.contribution(0, partial.rows, partial.cols, parts_.control.rank());
        const auto want = exact.sums(setup.group_first(), setup.group_rows(), setup.cols);
        device.upload(given.data(), partial.data, given.size());
        device.fill_bytes(mine, kPoison, parts_.stream);
        const auto got = combine.run(partial, mine, parts_.stream);
        parts_.stream.synchronize();
        if (wrong.empty()) wrong = compare_bits(device, got, want, setup.group_first());
        if (wrong.empty() && !compare_bits(device, partial, given, 0).empty()) {
            wrong = "the partial sums, which are read only, were written to";
        }
    }
    return agree(wrong);
}

CaseVerifier::LayerVerdict CaseVerifier::check_layer(Combine& combine) {
    Deviation deviation;
    Trace silent;
    for (int run = 0; run < kRuns; ++run) {
        parts_.layer.poison(parts_.stream);
        const auto result = parts_.layer.forward(parts_.gather, combine, parts_.stream, silent);
        parts_.stream.synchronize();
        deviation.add(compare_sampled_rows(result));
    }
    const double error = parts_.control.sum(deviation.squared_error);
    const double value = parts_.control.sum(deviation.squared_value);
    return {agree(deviation.wrong), value > 0 ? std::sqrt(error / value) : 0};
}

/// First, middle and last row of this rank's group: the edges are where partitions go wrong.
Deviation CaseVerifier::compare_sampled_rows(const Matrix& result) {
    const auto& setup = parts_.combine;
    const auto& token_of_row = parts_.row_map.token_of_row();
    const auto first = setup.group_first();
    std::int64_t live = 0;
    while (live < setup.group_rows() && token_of_row[static_cast<std::size_t>(first + live)] >= 0) {
        ++live;
    }
    Deviation deviation;
    if (live == 0) return deviation;
    const bool large = parts_.reference.weights_per_token() > kManyWeights;
    const auto sampled = large ? std::set{live - 1} : std::set<std::int64_t>{0, live / 2, live - 1};
    for (const auto row : sampled) {
        const auto& want =
            parts_.reference.row(token_of_row[static_cast<std::size_t>(first + row)]);
        const auto view = result.slice(row, 1);
        std::vector<std::byte> bytes(view.bytes());
        parts_.device.download(view.data, bytes.data(), bytes.size());
        const auto got = visit_dtype(view.dtype, [&](auto tag) {
            using T = typename decltype(tag)::type;
            const auto* values = reinterpret_cast<const T*>(bytes.data());
            std::vector<float> wide;
            for (std::int64_t col = 0; col < view.cols; ++col) {
                wide.push_back(static_cast<float>(values[col]));
            }
            return wide;
        });
        // Rounded when the local sum is stored, and once for each addition of another rank's.
        auto of_row = compare_row(got, want, view.dtype, setup.world.size());
        if (!of_row.wrong.empty()) {
            of_row.wrong = fmt::format("row {} {}", first + row, of_row.wrong);
        }
        deviation.add(of_row);
    }
    return deviation;
}

}  // namespace moe
