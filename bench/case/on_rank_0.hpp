#pragma once

#include "comm/bootstrap.hpp"
#include "kernels/runtime/error.hpp"

#include <exception>
#include <string>

namespace moe {

/// Collective. Runs `action` on rank 0 and throws its failure, a BadArgument, on all ranks: they
/// would wait forever in the next collective.
template <class Action>
void on_rank_0(Bootstrap& bootstrap, Action&& action) {
    std::string failure;
    if (bootstrap.rank() == 0) {
        try {
            action();
        } catch (const std::exception& error) {
            failure = error.what();
        }
    }
    failure = bootstrap.broadcast(failure);
    if (!failure.empty()) throw BadArgument(failure);
}

}  // namespace moe
