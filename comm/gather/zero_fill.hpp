#pragma once

#include "comm/all_reduce_forms.hpp"
#include "comm/gather/gather.hpp"

namespace moe {

/// A gather as SGLang does it when rows are not padded: clear the global buffer, copy one's own
/// rows in, and all_reduce it, by one form.
class ZeroFillGather final : public Gather {
public:
    /// Collective where the form has memory of its own.
    ZeroFillGather(const GatherSetup& setup, AllReduceForm form);
    void run(const Matrix& mine, const GatherOutput& out, Stream& stream) override;
    [[nodiscard]] static Cost cost(const GatherSetup& setup, AllReduceForm form);

private:
    Device& device_;
    std::int64_t first_;
    AllReduce all_reduce_;
};

/// The form for the rows of a setup; one that takes its sum where its matrix lies.
using ChooseGatherForm = AllReduceForm (*)(const GatherSetup&);

/// The entry of a ZeroFillGather whose form `kChoose` says.
template <ChooseGatherForm kChoose>
constexpr GatherEntry zero_fill_entry(std::string_view name, std::string_view summary) {
    return {
        .name = name,
        .summary = summary,
        .obstacle =
            [](const GatherSetup& setup) {
                return AllReduce::obstacle(setup.world, kChoose(setup));
            },
        .cost =
            [](const GatherSetup& setup) { return ZeroFillGather::cost(setup, kChoose(setup)); },
        .make = [](const GatherSetup& setup) -> std::unique_ptr<Gather> {
            return std::make_unique<ZeroFillGather>(setup, kChoose(setup));
        },
        .output = [](const GatherSetup& setup) { return AllReduce::reach(kChoose(setup)); }};
}

}  // namespace moe
