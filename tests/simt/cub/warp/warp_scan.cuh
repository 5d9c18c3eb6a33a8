// In place of CUB's header of this name: what kernels use of it, on the processor.
#pragma once

namespace cub {

template <class T, int Lanes>
class WarpScan {
public:
    struct TempStorage {};
    explicit WarpScan(TempStorage& /*storage*/) {}

    void ExclusiveSum(T value, T& before, T& all) {
        const auto values = moe::simt::all_lanes(value);
        const int lane = moe::simt::lane();
        before = all = 0;
        for (int i = lane / Lanes * Lanes; i < (lane / Lanes + 1) * Lanes; ++i) {
            if (i < lane) before += values[static_cast<std::size_t>(i)];
            all += values[static_cast<std::size_t>(i)];
        }
    }
};

}  // namespace cub
