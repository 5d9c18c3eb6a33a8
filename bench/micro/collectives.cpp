#include "bench/micro/collectives.hpp"

#include "comm/all_reduce_forms.hpp"
#include "comm/combine/owner_combine.hpp"
#include "comm/owners_inbox.hpp"
#include "comm/row_buffer.hpp"

#include <array>
#include <cstdint>
#include <memory>
#include <vector>

namespace moe {
namespace {

Matrix own_block(const Communicator& world, const Matrix& matrix) {
    const auto rows = matrix.rows / world.size();
    return matrix.slice(world.rank() * rows, rows);
}

/// Rank 0 has three quarters of the rows, as where a prefill chunk meets decode; the others have
/// the rest.
RowPartition uneven_owners(std::int64_t rows, int ranks) {
    const auto rest = ranks == 1 ? 0 : rows / 4;
    std::vector<std::int64_t> counts{rows - rest};
    for (int rank = 1; rank < ranks; ++rank) {
        counts.push_back(rest * rank / (ranks - 1) - rest * (rank - 1) / (ranks - 1));
    }
    return RowPartition(counts);
}

/// Of the library, which needs nothing prepared.
template <void (*kCall)(Communicator& world, const Matrix& in, const Matrix& out, Stream& stream)>
Call of_library(const CallSetup& setup, const Matrix& /*shape*/) {
    return {.run = [setup = setup](const Matrix& in, const Matrix& out) {
        kCall(setup.world, in, out, setup.stream);
    }};
}

/// A matrix where peers reach it.
std::shared_ptr<RowBuffer> peer_rows(const CallSetup& setup, const Matrix& shape) {
    return std::make_shared<RowBuffer>(setup.device, setup.world, Reach::load_store, shape.rows,
                                       shape.cols, shape.dtype);
}

template <RowPartition (*kOwners)(std::int64_t rows, int ranks)>
Call grouped_reduce(const CallSetup& setup, const Matrix& shape) {
    return {.run = [setup = setup, owned = kOwners(shape.rows, setup.world.size())](
                       const Matrix& in, const Matrix& out) {
        const auto rank = setup.world.rank();
        const auto own = out.slice(owned.first(rank), owned.rows(rank));
        reduce_to_owners(setup.world, in, owned, own, setup.stream);
    }};
}

Call all_reduce_in(AllReduceForm form, const CallSetup& setup, const Matrix& shape) {
    auto all_reduce = std::make_shared<AllReduce>(setup.world, form, shape.bytes());
    std::shared_ptr<RowBuffer> rows;
    if (AllReduce::reach(form)) rows = peer_rows(setup, shape);
    return {.run =
                [setup = setup, all_reduce, rows](const Matrix& in, const Matrix& out) {
                    all_reduce->run(rows ? rows->matrix() : in, rows ? rows->memory() : nullptr,
                                    out, setup.stream);
                },
            .reads = rows ? rows->matrix() : Matrix{}};
}

template <AllReduceForm kForm>
Call all_reduce_by(const CallSetup& setup, const Matrix& shape) {
    return all_reduce_in(kForm, setup, shape);
}

/// In the form that SGLang chooses.
Call all_reduce_by_engine(const CallSetup& setup, const Matrix& shape) {
    const auto bytes = static_cast<std::int64_t>(shape.bytes());
    return all_reduce_in(engine_all_reduce(setup.world.size(), bytes, setup.captured), setup,
                         shape);
}

Call reduce_scatter_by_pull(const CallSetup& setup, const Matrix& shape) {
    auto rows = peer_rows(setup, shape);
    return {.run =
                [setup = setup, rows](const Matrix& /*in*/, const Matrix& out) {
                    const auto own = own_block(setup.world, out);
                    setup.world.peer_kernels()->pull_sum(
                        rows->memory()->table(),
                        {.rows = own,
                         .offset = static_cast<std::size_t>(setup.world.rank()) * own.bytes(),
                         .most_rows = own.rows},
                        setup.stream);
                },
            .reads = rows->matrix()};
}

Call reduce_scatter_by_push(const CallSetup& setup, const Matrix& shape) {
    const auto rows = shape.rows / setup.world.size();
    std::vector<std::int64_t> first;
    for (int rank = 0; rank <= setup.world.size(); ++rank) first.push_back(rank * rows);
    auto inbox = std::make_shared<OwnersInbox>(
        setup.world, PushPlan(PushShape::direct, first, shape.row_bytes()));
    return {.run = [setup = setup, inbox](const Matrix& in, const Matrix& out) {
        setup.world.peer_kernels()->push_sum(inbox->memory()->table(),
                                             {.in = in,
                                              .plan = inbox->plan(),
                                              .half_bytes = inbox->half_bytes(),
                                              .out = own_block(setup.world, out)},
                                             setup.stream);
    }};
}

Call all_gather_by_push(const CallSetup& setup, const Matrix& shape) {
    auto rows = peer_rows(setup, shape);
    return {.run =
                [setup = setup, rows](const Matrix& in, const Matrix& /*out*/) {
                    const auto own = own_block(setup.world, in);
                    setup.world.peer_kernels()->push_copy(
                        rows->memory()->table(),
                        {.rows = own,
                         .offset = static_cast<std::size_t>(setup.world.rank()) * own.bytes(),
                         .most_rows = own.rows},
                        setup.stream);
                },
            .writes = rows->matrix()};
}

void all_reduce(Communicator& world, const Matrix& in, const Matrix& out, Stream& stream) {
    world.all_reduce(in, out, stream);
}
void reduce_scatter(Communicator& world, const Matrix& in, const Matrix& out, Stream& stream) {
    world.reduce_scatter(in, own_block(world, out), stream);
}
void all_gather(Communicator& world, const Matrix& in, const Matrix& out, Stream& stream) {
    world.all_gather(own_block(world, in), out, stream);
}

using Kind = CollectiveKind;

constexpr std::array kCollectives{
    Collective{"all_reduce", Kind::all_reduce, of_library<all_reduce>},
    Collective{"reduce_scatter", Kind::reduce_scatter, of_library<reduce_scatter>},
    Collective{"grouped_reduce", Kind::reduce_scatter, grouped_reduce<even_owners>},
    Collective{"grouped_reduce_uneven", Kind::reduce_scatter, grouped_reduce<uneven_owners>, false,
               uneven_owners},
    Collective{"all_gather", Kind::all_gather, of_library<all_gather>},
    Collective{"all_reduce_push", Kind::all_reduce, all_reduce_by<AllReduceForm::push>, true},
    Collective{"all_reduce_one_shot", Kind::all_reduce, all_reduce_by<AllReduceForm::one_shot>,
               true},
    Collective{"all_reduce_two_shot", Kind::all_reduce, all_reduce_by<AllReduceForm::two_shot>,
               true},
    Collective{"all_reduce_engine", Kind::all_reduce, all_reduce_by_engine, true},
    Collective{"reduce_scatter_pull", Kind::reduce_scatter, reduce_scatter_by_pull, true},
    Collective{"reduce_scatter_push", Kind::reduce_scatter, reduce_scatter_by_push, true},
    Collective{"all_gather_push", Kind::all_gather, all_gather_by_push, true}};

}  // namespace

RowPartition even_owners(std::int64_t rows, int ranks) {
    return RowPartition(std::vector<std::int64_t>(static_cast<std::size_t>(ranks), rows / ranks));
}

std::span<const Collective> collectives() {
    return kCollectives;
}

}  // namespace moe
