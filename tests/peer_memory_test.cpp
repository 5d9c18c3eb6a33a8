// Who frees peer memory, and when: at once, or where an exception comes by, when all ranks say so.
#include "comm/peer_memory.hpp"

#include <gtest/gtest.h>

#include <stdexcept>
#include <vector>

namespace moe {
namespace {

/// Writes down that it is freed.
class Noted final : public PeerMemory {
public:
    Noted(int number, std::vector<int>& freed) : number_(number), freed_(freed) {}
    ~Noted() override { freed_.push_back(number_); }
    Noted(const Noted&) = delete;
    Noted& operator=(const Noted&) = delete;
    [[nodiscard]] std::byte* data() const override { return nullptr; }
    [[nodiscard]] std::size_t bytes() const override { return 0; }

private:
    int number_;
    std::vector<int>& freed_;
};

class PeerMemoryOwners : public testing::Test {
protected:
    [[nodiscard]] std::unique_ptr<PeerMemory> noted(int number) {
        return std::make_unique<Noted>(number, freed_);
    }
    /// Makes two, which an exception unwinds in the opposite order.
    void fail_with_two(PeerMemoryOwner& owner) {
        try {
            const auto first = owner.own(noted(1));
            const auto second = owner.own(noted(2));
            throw std::runtime_error("no room for a third");
        } catch (const std::runtime_error&) {
            EXPECT_EQ(freed_, std::vector<int>());
        }
    }

    std::vector<int> freed_;
};

TEST_F(PeerMemoryOwners, FreeAtOnceWhatNoExceptionUnwinds) {
    PeerMemoryOwner owner;
    auto first = owner.own(noted(1));
    {
        const auto second = owner.own(noted(2));
        const auto third = owner.own(noted(3));
    }
    EXPECT_EQ(freed_, (std::vector{3, 2}));
    first.reset();
    EXPECT_EQ(freed_, (std::vector{3, 2, 1}));
}

TEST_F(PeerMemoryOwners, FreeWhatWasUnwoundInTheOrderOfMaking) {
    PeerMemoryOwner owner;
    const auto kept = owner.own(noted(0));
    fail_with_two(owner);
    owner.free_unwound();
    EXPECT_EQ(freed_, (std::vector{1, 2}));
    owner.free_unwound();
    EXPECT_EQ(freed_, (std::vector{1, 2}));
}

TEST_F(PeerMemoryOwners, LeaveWhatARankUnwoundThatFails) {
    {
        PeerMemoryOwner owner;
        fail_with_two(owner);
    }
    EXPECT_EQ(freed_, std::vector<int>());
}

}  // namespace
}  // namespace moe
