// In place of CUB's header of this name: what kernels use of it, on the processor.
#pragma once

namespace cub {

template <class T, int Threads>
class BlockScan {
public:
    struct TempStorage {
        T sums[Threads];  ///< of each thread's values
    };
    explicit BlockScan(TempStorage& storage) : sums_(storage.sums) {}

    /// As CUB does, it leaves to its caller to wait before the storage is used again.
    template <int Count>
    void ExclusiveSum(T (&values)[Count], T (&before)[Count], T& all) {
        T sum = 0;
        for (const T value : values) sum += value;
        sums_[threadIdx.x] = sum;
        __syncthreads();
        T next = all = 0;
        for (unsigned i = 0; i < Threads; ++i) {
            if (i < threadIdx.x) next += sums_[i];
            all += sums_[i];
        }
        for (int i = 0; i < Count; ++i) {
            const T value = values[i];
            before[i] = next;
            next += value;
        }
    }
    void ExclusiveSum(T value, T& before, T& all) {
        T one[] = {value};
        ExclusiveSum(one, one, all);
        before = one[0];
    }

private:
    T* sums_;
};

}  // namespace cub
