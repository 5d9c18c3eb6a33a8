#include "bench/micro/collective_check.hpp"

#include "bench/verify/exact.hpp"

#include <cstring>
#include <vector>

namespace moe {
namespace {

constexpr std::uint64_t kSeed = 1;
constexpr std::byte kNotANumber{0xff};  ///< in every type, if all bytes are this

/// Every rank's block, as that rank brings it.
std::vector<std::byte> blocks_of_all(const ExactData& data, const Matrix& all, int ranks) {
    std::vector<std::byte> bytes;
    const auto rows = all.rows / ranks;
    for (int rank = 0; rank < ranks; ++rank) {
        const auto block = data.contribution(rank * rows, rows, all.cols, rank);
        bytes.insert(bytes.end(), block.begin(), block.end());
    }
    return bytes;
}

std::int64_t differences(const std::vector<std::byte>& got, const std::vector<std::byte>& want,
                         std::size_t element) {
    std::int64_t count = 0;
    for (std::size_t at = 0; at < want.size(); at += element) {
        count += std::memcmp(&got[at], &want[at], element) == 0 ? 0 : 1;
    }
    return count;
}

}  // namespace

double count_wrong(const CallSetup& setup, Bootstrap& bootstrap, const Collective& collective,
                   const Call& call, const RotatingBuffers::Pair& pair) {
    const auto& from = call.reads.data != nullptr ? call.reads : pair.in;
    const auto& to = call.writes.data != nullptr ? call.writes : pair.out;
    const int ranks = setup.world.size();
    const ExactData data(from.dtype, ranks, kSeed);
    const auto mine = data.contribution(0, from.rows, from.cols, setup.world.rank());
    setup.device.upload(mine.data(), from.data, mine.size());
    setup.device.fill_bytes(to, kNotANumber, setup.stream);
    setup.stream.synchronize();
    bootstrap.barrier();  // others may read it from here on
    call.run(pair.in, pair.out);
    setup.stream.synchronize();

    const auto owned = collective.owners(to.rows, ranks);
    const bool own_only = collective.kind == CollectiveKind::reduce_scatter;
    const auto rows = own_only ? owned.rows(setup.world.rank()) : to.rows;
    const auto first = own_only ? owned.first(setup.world.rank()) : 0;
    const auto want = collective.kind == CollectiveKind::all_gather
                          ? blocks_of_all(data, to, ranks)
                          : data.sums(first, rows, to.cols);
    std::vector<std::byte> got(want.size());
    setup.device.download(to.slice(first, rows).data, got.data(), got.size());
    const auto element = to.row_bytes() / static_cast<std::size_t>(to.cols);
    return bootstrap.sum(static_cast<double>(differences(got, want, element)));
}

}  // namespace moe
