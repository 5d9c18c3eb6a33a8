// all_reduce_dp_scatter without its copy: the next step reads a view of the reduced rows. What it
// gains over that is the price of dp_scatter; what others gain over it is volume.
#include "comm/combine/all_reduce.hpp"

namespace moe {
namespace {

class AllReduceSlice final : public Combine {
public:
    explicit AllReduceSlice(const CombineSetup& setup) : all_reduce_(setup) {}

    Matrix run(const CombineInput& in, const Matrix& /*mine*/, Stream& stream) override {
        return all_reduce_.run(in, stream);
    }

private:
    AllReduceRows all_reduce_;
};

}  // namespace

extern const CombineEntry all_reduce_slice;
constinit const CombineEntry all_reduce_slice{
    .name = "all_reduce_slice",
    .summary = "all_reduce, the next step reads a view",
    .form = Form::all_reduce,
    .obstacle = no_obstacle,
    .cost =
        [](const CombineSetup& setup) {
            return AllReduceRows::cost(setup, AllReduceForm::library);
        },
    .make = make<AllReduceSlice>,
};

}  // namespace moe
