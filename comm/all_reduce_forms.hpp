#pragma once

#include "comm/communicator.hpp"
#include "comm/ring_traffic.hpp"

#include <cstddef>
#include <cstdint>
#include <memory>
#include <optional>
#include <string>
#include <string_view>

namespace moe {

/// How ranks come to the sum of all their matrices: by the library's collective, or by kernels over
/// peer memory (PeerKernels), of which push writes and the others read.
enum class AllReduceForm : std::uint8_t { library, push, one_shot, two_shot };
[[nodiscard]] std::string_view to_string(AllReduceForm form);

/// One form for matrices of one size, with the memory that it works in.
class AllReduce {
public:
    /// Collective, without an obstacle; for matrices of `bytes` bytes. `world` outlives this.
    AllReduce(Communicator& world, AllReduceForm form, std::size_t bytes);

    /// out = the sum of all ranks' `in`. `memory`: what `in` begins in, where reach() asks for it.
    /// The library and push take `out` for `in`; a two-shot sum may go where its matrix lies.
    void run(const Matrix& in, PeerMemory* memory, const Matrix& out, Stream& stream);

    /// How far the memory of the matrices must reach; nothing: plain device memory.
    [[nodiscard]] static std::optional<Reach> reach(AllReduceForm form);
    [[nodiscard]] static std::string obstacle(const Communicator& world, AllReduceForm form);
    /// Each rank's, workspace included.
    [[nodiscard]] static Cost cost(AllReduceForm form, std::int64_t bytes, int ranks);

private:
    Communicator& world_;
    AllReduceForm form_;
    std::size_t slot_bytes_;
    UniquePeerMemory memory_;  ///< inboxes, or the parts of a two-shot sum
};

/// The form that SGLang 0.5.23 runs by default for a matrix of `bytes` bytes, on Hopper GPUs whose
/// links know no multicast (python/sglang/srt/distributed/device_communicators/configs/
/// custom_all_reduce_v2.py, _sm90_configs, within the 16 MiB that the environment variable
/// SGLANG_CUSTOM_ALL_REDUCE_V2_MAX_SIZE_KB allows by default). `captured`: into a CUDA graph.
[[nodiscard]] AllReduceForm engine_all_reduce(int ranks, std::int64_t bytes, bool captured);

}  // namespace moe
