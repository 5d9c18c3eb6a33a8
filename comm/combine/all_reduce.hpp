#pragma once

#include "comm/all_reduce_forms.hpp"
#include "comm/combine/combine.hpp"

namespace moe {

/// The step that all_reduce strategies begin with: every rank gets the sum of all rows, in memory
/// of the strategy's own, since a partial sum that is read again may not be overwritten.
class AllReduceRows {
public:
    /// Collective where the form has memory of its own.
    explicit AllReduceRows(const CombineSetup& setup, AllReduceForm form = AllReduceForm::library);
    /// A view of the summed rows of this rank's group.
    [[nodiscard]] Matrix run(const CombineInput& in, Stream& stream);
    [[nodiscard]] static Cost cost(const CombineSetup& setup, AllReduceForm form);

private:
    std::int64_t first_;
    std::int64_t rows_;
    AllReduce all_reduce_;
    Buffer sums_;
};

/// All rows by one form, then dp_scatter as SGLang does it: a clear of the output and a copy of
/// one's own rows. The clear matters where padded buffers are longer than the rows that are copied;
/// elsewhere it is waste, and it is timed because it is what runs.
class AllReduceDpScatter final : public Combine {
public:
    AllReduceDpScatter(const CombineSetup& setup, AllReduceForm form)
        : device_(setup.device), rows_(setup, form) {}
    [[nodiscard]] Matrix run(const CombineInput& in, const Matrix& mine, Stream& stream) override;
    [[nodiscard]] static Cost cost(const CombineSetup& setup, AllReduceForm form);

private:
    Device& device_;
    AllReduceRows rows_;
};

/// The form for the rows of a setup.
using ChooseForm = AllReduceForm (*)(const CombineSetup&);

/// The entry of an AllReduceDpScatter whose form `kChoose` says.
template <ChooseForm kChoose>
constexpr CombineEntry dp_scatter_entry(std::string_view name, std::string_view summary) {
    return {.name = name,
            .summary = summary,
            .form = Form::all_reduce,
            .obstacle =
                [](const CombineSetup& setup) {
                    return AllReduce::obstacle(setup.world, kChoose(setup));
                },
            .cost =
                [](const CombineSetup& setup) {
                    return AllReduceDpScatter::cost(setup, kChoose(setup));
                },
            .make = [](const CombineSetup& setup) -> std::unique_ptr<Combine> {
                return std::make_unique<AllReduceDpScatter>(setup, kChoose(setup));
            },
            .variant = [](const CombineSetup& setup) { return to_string(kChoose(setup)); },
            .input = [](const CombineSetup& setup) -> InputNeeds {
                return {.reach = AllReduce::reach(kChoose(setup))};
            }};
}

}  // namespace moe
