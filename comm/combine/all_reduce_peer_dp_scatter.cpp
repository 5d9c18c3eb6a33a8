// all_reduce_dp_scatter with an all_reduce of our own: every rank reads what others have. It does
// so in one shot where that is what vLLM does between GPUs that all reach each other (its csrc/
// custom_all_reduce.cuh), and in two above.
#include "comm/combine/all_reduce.hpp"

namespace moe {
namespace {

AllReduceForm by_pull(const CombineSetup& setup) {
    constexpr std::int64_t kKiB = 1024;
    const int ranks = setup.world.size();
    const auto bytes = setup.all_bytes();
    const bool one_shot = ranks <= 2 || (ranks <= 4 && bytes < 512 * kKiB) || bytes < 256 * kKiB;
    return one_shot ? AllReduceForm::one_shot : AllReduceForm::two_shot;
}

}  // namespace

extern const CombineEntry all_reduce_peer_dp_scatter;
constinit const CombineEntry all_reduce_peer_dp_scatter = dp_scatter_entry<by_pull>(
    "all_reduce_peer_dp_scatter", "read all ranks' sums and add, then clear and copy own rows");

}  // namespace moe
