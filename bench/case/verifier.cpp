#include "bench/case/verifier.hpp"

#include "bench/case/make_on_all.hpp"
#include "bench/verify/residual_norm.hpp"
#include "comm/combine/combine_inputs.hpp"

#include <fmt/format.h>

#include <algorithm>
#include <cmath>
#include <functional>
#include <set>
#include <string_view>
#include <utility>

namespace moe {
namespace {

/// The second run, on other data, must not live on what the first left behind.
constexpr int kRuns = 2;
/// More runs of the exchange alone, to see whether it adds in the same order every time.
constexpr int kRepeats = 3;
constexpr std::byte kPoison{0xff};

/// Above this many weights for a token, the reference takes most of a second for each.
constexpr std::int64_t kManyWeights = 100'000'000;

/// What roundings of random sign leave of the values, with room to spare. The bound of a single
/// element grows with the number of ranks, and with hundreds of them even a zero is within it.
double rms_bound(const CombineSetup& setup, DType compute) {
    constexpr double kRoom = 8;
    constexpr double kArithmetic = 1e-4;  // of the layer's f32 sums
    constexpr int kStored = 4;            // gate, up, activation, output
    const double wire = traits(setup.dtype).unit_roundoff * std::sqrt(setup.world.size());
    const double experts =
        compute == DType::f32 ? 0 : traits(compute).unit_roundoff * std::sqrt(kStored);
    return kRoom * std::hypot(wire, experts) + kArithmetic;
}

}  // namespace

std::string CaseVerifier::agree(const std::string& wrong) {
    return parts_.bootstrap.first_nonempty(
        wrong.empty() ? wrong : fmt::format("rank {}: {}", parts_.combine.world.rank(), wrong));
}

std::string CaseVerifier::check_gather() {
    auto& [device, stream, bootstrap, layer, gather, row_map, combine, references, seed,
           on_progress] = parts_;
    const auto& owned = row_map.owned();
    const auto input = layer.input();
    const auto gathered = layer.gathered();
    const auto& all = gathered.rows;
    const auto real = downloaded(input);

    const int me = combine.world.rank();
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
            on_progress();
        }
        device.fill_bytes(all, kPoison, stream);
        gather.run(input, gathered, stream);
        stream.synchronize();
        if (wrong.empty()) wrong = compare_bits(device, all, want, 0);
    }
    device.upload(real.data(), input.data, real.size());
    return agree(wrong);
}

void CaseVerifier::poison(const CombineInput& input) {
    if (input.weighted()) return;  // the layer poisons them, or exact data are there
    parts_.device.fill_bytes(input.rows, kPoison, parts_.stream);
}

std::string CaseVerifier::compare_epilogue(const Matrix& sums) {
    const auto* epilogue = parts_.layer.epilogue();
    if (epilogue == nullptr) return {};
    return compare_residual_norm(parts_.device, epilogue->of(sums));
}

std::string CaseVerifier::check_output(const CombineInput& input, const RunOutput& run_output,
                                       bool with_epilogue) {
    auto& device = parts_.device;
    const auto mine = parts_.layer.result();
    const bool sums_are_read = !input.weighted();
    const auto exact_rows = input.rows.slice(0, parts_.combine.owned.total());
    std::string wrong;
    for (int run = 0; run < kRuns; ++run) {
        const auto& [given, want] = exact_data(run);
        parts_.layer.upload_partial_sums(given);
        poison(input);
        device.fill_bytes(mine, kPoison, parts_.stream);
        if (auto* epilogue = parts_.layer.epilogue()) epilogue->poison(parts_.stream);
        const auto before = sums_are_read ? std::string() : hash_of(exact_rows);
        const auto got = run_output();
        parts_.stream.synchronize();
        parts_.on_progress();
        if (wrong.empty()) wrong = compare_bits(device, got, want, parts_.combine.group_first());
        if (wrong.empty() && with_epilogue) wrong = compare_epilogue(got);
        if (!wrong.empty()) continue;
        const bool intact = sums_are_read ? compare_bits(device, input.rows, given, 0).empty()
                                          : hash_of(exact_rows) == before;
        if (!intact) {
            wrong = fmt::format("the {}, which are read only, were written to",
                                sums_are_read ? "partial sums" : "expert rows");
        }
    }
    return agree(wrong);
}

std::string CaseVerifier::check_output(const OutputStep& output) {
    return check_output(
        output.input,
        [&] {
            Trace silent;
            return parts_.layer.output(output, parts_.stream, silent);
        },
        true);
}

const CaseVerifier::Exact& CaseVerifier::exact_data(int run) {
    auto& data = exact_[run];
    const auto& setup = parts_.combine;
    if (data.given.empty() && setup.owned.total() > 0) {
        const ExactData exact(setup.dtype, setup.world.size(),
                              parts_.seed + static_cast<std::uint64_t>(run));
        data.given = exact.contribution(0, setup.owned.total(), setup.cols, setup.world.rank());
        parts_.on_progress();
        data.wanted = exact.sums(setup.group_first(), setup.group_rows(), setup.cols);
    }
    return data;
}

CaseVerifier::LayerVerdict CaseVerifier::check_layer(const OutputStep& output) {
    return check_layer(output.input, [&](std::size_t layer) {
        Trace silent;
        return parts_.layer.forward_layer(layer, parts_.gather, output, parts_.stream, silent);
    });
}

CaseVerifier::LayerVerdict CaseVerifier::check_layer(const CombineInput& input,
                                                     const RunLayer& run_layer) {
    auto& [device, stream, bootstrap, layer, gather, row_map, setup, references, seed,
           on_progress] = parts_;
    Deviation deviation;
    bool repeatable = true;
    std::vector<std::byte> first;
    for (std::size_t index = 0; index < layer.layers(); ++index) {
        for (int run = 0; run < kRuns; ++run) {
            layer.poison(stream);
            poison(input);
            const auto result = run_layer(index);
            stream.synchronize();
            on_progress();
            deviation.add(compare_sampled_rows(result, references[index]));
            if (deviation.wrong.empty()) deviation.wrong = compare_epilogue(result);
            auto bits = downloaded(result);
            if (run > 0) repeatable = repeatable && bits == first;
            first = std::move(bits);
        }
    }
    const double error = bootstrap.sum(deviation.squared_error);
    const double value = bootstrap.sum(deviation.squared_value);
    const double rms = value > 0 ? std::sqrt(error / value) : 0;
    const double bound = rms_bound(setup, references.front().compute());
    // Written so that a NaN is outside the bound.
    if (deviation.wrong.empty() && !(rms <= bound)) {
        deviation.wrong =
            fmt::format("the RMS error is {:.2g} of the values, not below {:.2g}", rms, bound);
    }
    return {agree(deviation.wrong), rms, bootstrap.max(repeatable ? 0 : 1) == 0};
}

CaseVerifier::Numerics CaseVerifier::check_numerics(const CombineEntry& entry,
                                                    const OutputStep& output) {
    const auto& setup = parts_.combine;
    const auto rows = setup.owned.total();
    auto rough = rough_data(setup.dtype, rows, setup.cols, setup.world.rank(), parts_.seed);
    parts_.layer.upload_partial_sums(rough);
    Trace silent;
    const auto run = [&] { return hashes(parts_.layer.output(output, parts_.stream, silent)); };
    const auto first = run();
    Numerics numerics{.repeatable = true, .owner_independent = {}};
    for (int repeat = 0; repeat < kRepeats; ++repeat) {
        const auto again = run();
        numerics.repeatable = numerics.repeatable && again == first;
    }
    if (setup.world.size() == setup.group.size() || rows == 0) return numerics;
    try {
        numerics.owner_independent = same_when_rotated(entry, std::move(rough), first);
    } catch (const OutOfMemory&) {
        setup.world.free_unwound_memory();
    }
    return numerics;
}

std::optional<bool> CaseVerifier::same_when_rotated(const CombineEntry& entry,
                                                    std::vector<std::byte> given,
                                                    const std::vector<std::string>& before) {
    auto& [device, stream, bootstrap, layer, gather, row_map, setup, references, seed,
           on_progress] = parts_;
    const int ranks = setup.world.size();
    const int group = setup.group.size();
    std::vector<std::int64_t> rows;
    for (int rank = 0; rank < ranks; ++rank) {
        rows.push_back(setup.owned.rows((rank + ranks - group) % ranks));
    }
    const RowPartition rotated(rows);
    const auto next = setup.of_rows(rotated);
    if (!entry.obstacle(next).empty()) return std::nullopt;
    CombineInputs inputs(next, layer.weighted_input());
    const auto needs = entry.input(next);
    if (!inputs.no_room(needs).empty()) return std::nullopt;

    // The last DP rank's rows are the first one's now, and come before all others.
    const auto last = rotated.rows(0) * group * setup.row_bytes();
    std::rotate(given.begin(), given.end() - last, given.end());
    layer.upload_partial_sums(given);

    const auto mine = make_on_all(bootstrap, [&] {
        const auto bytes = static_cast<std::size_t>(next.group_rows() * next.row_bytes());
        return parts_.device.allocate(bytes);
    });
    const auto combine = make_on_all(bootstrap, [&] { return entry.make(next); });
    const auto input = make_on_all(bootstrap, [&] { return inputs.of(needs); });
    Trace silent;
    layer.local_combine(input, stream, silent);
    const auto after =
        hashes(combine->run(input, mine.matrix(next.group_rows(), next.cols, next.dtype), stream));
    bool same = true;
    for (int rank = 0; rank < ranks; ++rank) {
        const auto owner = static_cast<std::size_t>((rank + group) % ranks);
        same = same && before[static_cast<std::size_t>(rank)] == after[owner];
    }
    return same;
}

std::vector<std::string> CaseVerifier::hashes(const Matrix& result) {
    return parts_.bootstrap.all_gather_strings(hash_of(result));
}

std::string CaseVerifier::hash_of(const Matrix& matrix) {
    const auto bits = downloaded(matrix);
    parts_.on_progress();
    const std::string_view text(reinterpret_cast<const char*>(bits.data()), bits.size());
    return fmt::format("{:x}", std::hash<std::string_view>{}(text));
}

std::vector<std::byte> CaseVerifier::downloaded(const Matrix& matrix) {
    std::vector<std::byte> bytes(matrix.bytes());
    parts_.device.download(matrix.data, bytes.data(), bytes.size());
    return bytes;
}

/// First, middle and last row of this rank's group: the edges are where partitions go wrong.
Deviation CaseVerifier::compare_sampled_rows(const Matrix& result, LayerReference& reference) {
    const auto& setup = parts_.combine;
    const auto& token_of_row = parts_.row_map.token_of_row();
    const auto first = setup.group_first();
    std::int64_t valid_rows = 0;
    while (valid_rows < setup.group_rows() &&
           token_of_row[static_cast<std::size_t>(first + valid_rows)] >= 0) {
        ++valid_rows;
    }
    Deviation deviation;
    if (valid_rows == 0) return deviation;
    const bool large = reference_weights(reference.shape()) > kManyWeights;
    const auto sampled = large ? std::set{valid_rows - 1}
                               : std::set<std::int64_t>{0, valid_rows / 2, valid_rows - 1};
    for (const auto row : sampled) {
        const auto& want =
            reference.row(token_of_row[static_cast<std::size_t>(first + row)], parts_.on_progress);
        const auto view = result.slice(row, 1);
        const auto bytes = downloaded(view);
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
