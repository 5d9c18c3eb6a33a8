// Strategies of weighted rows with mistakes that those of partial sums cannot make, for showing
// that the verifier sees them. Only test programs link these.
#include "tests/strategies/weighted_then_reduced.hpp"

#include <cstdint>
#include <numeric>
#include <vector>

namespace moe {
namespace {

/// Takes each row to be the expert row of its own number, whatever the router said: right on the
/// exact data of a case, wrong in every layer.
class RoutingIgnored final : public WeightedThenReduced {
public:
    explicit RoutingIgnored(const CombineSetup& setup) : WeightedThenReduced(setup) {
        const auto rows = setup.owned.total();
        std::vector<std::int32_t> each(static_cast<std::size_t>(rows) + 1);
        std::iota(each.begin(), each.end(), 0);
        const std::vector<float> ones(each.size(), 1.0F);
        const auto bytes = each.size() * sizeof each[0];
        each_ = setup.device.allocate(bytes);
        ones_ = setup.device.allocate(bytes);
        setup.device.upload(reinterpret_cast<const std::byte*>(each.data()), each_.data(), bytes);
        setup.device.upload(reinterpret_cast<const std::byte*>(ones.data()), ones_.data(), bytes);
        weights_ = {rows, each_.as<std::int32_t>(), each_.as<std::int32_t>(), ones_.as<float>()};
    }
    Matrix run(const CombineInput& in, const Matrix& mine, Stream& stream) override {
        return WeightedThenReduced::run({.rows = in.rows, .weights = weights_}, mine, stream);
    }

private:
    Buffer each_, ones_;
    WeightedRows weights_;
};

/// Right, and leaves the expert rows as something that works in place does.
class InputOverwritten final : public WeightedThenReduced {
public:
    explicit InputOverwritten(const CombineSetup& setup)
        : WeightedThenReduced(setup), device_(setup.device) {}
    Matrix run(const CombineInput& in, const Matrix& mine, Stream& stream) override {
        const auto result = WeightedThenReduced::run(in, mine, stream);
        device_.clear(in.rows, stream);
        return result;
    }

private:
    Device& device_;
};

template <class Strategy>
constexpr CombineEntry faulty(std::string_view name) {
    return {.name = name,
            .summary = "wrong on purpose",
            .form = Form::all_reduce,
            .obstacle = no_obstacle,
            .cost = WeightedThenReduced::cost,
            .make = make<Strategy>,
            .input = WeightedThenReduced::input};
}

}  // namespace

extern const CombineEntry routing_ignored;
constinit const CombineEntry routing_ignored = faulty<RoutingIgnored>("routing_ignored");
extern const CombineEntry input_overwritten;
constinit const CombineEntry input_overwritten = faulty<InputOverwritten>("input_overwritten");

}  // namespace moe
