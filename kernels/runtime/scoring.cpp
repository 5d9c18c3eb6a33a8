#include "kernels/runtime/scoring.hpp"

#include "kernels/runtime/error.hpp"

namespace moe {
namespace {

constexpr NamedScoring kScorings[] = {
    {"softmax", Scoring::softmax},
    {"sigmoid", Scoring::sigmoid},
    {"sqrtsoftplus", Scoring::sqrtsoftplus},
};

}  // namespace

std::span<const NamedScoring> scorings() {
    return kScorings;
}

std::string_view to_string(Scoring scoring) {
    for (const auto& entry : kScorings) {
        if (entry.scoring == scoring) return entry.name;
    }
    raise(MOE_SITE("scoring"), "unknown Scoring");
}

}  // namespace moe
