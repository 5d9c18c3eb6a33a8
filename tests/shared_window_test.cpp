// Memory that the ranks of a host share over MPI: what each finds in its own block and in the
// others', and what all of them say where there is no room. Runs on 1 to 4 ranks.
#include "comm/mpi/shared_window.hpp"
#include "comm/mpi/mpi.hpp"
#include "comm/mpi/mpi_bootstrap.hpp"

#include <fmt/format.h>
#include <gtest/gtest.h>

#include <algorithm>
#include <set>
#include <string>

namespace moe {
namespace {

int me() {
    return mpi::rank(MPI_COMM_WORLD);
}

/// More than any machine has.
constexpr std::size_t kHuge = std::size_t{1} << 50U;

TEST(SharedWindow, HasABlockOfEachRanksOwnSize) {
    const auto bootstrap = make_mpi_bootstrap();
    // The first rank has none.
    const auto bytes = [](int rank) { return 1000 * static_cast<std::size_t>(rank); };
    const auto window = make_shared_window(MPI_COMM_WORLD, bytes(me()));
    const auto table = window->table();
    ASSERT_EQ(table.ranks(), bootstrap->size());
    EXPECT_EQ(window->data(), table.data[static_cast<std::size_t>(me())]);
    EXPECT_EQ(window->bytes(), bytes(me()));
    EXPECT_EQ(reinterpret_cast<std::uintptr_t>(window->data()) % 64, 0U);
    const auto is = [](std::byte value) { return [=](std::byte one) { return one == value; }; };
    EXPECT_TRUE(std::all_of(window->data(), window->data() + window->bytes(), is({})));
    EXPECT_EQ(*table.flags[static_cast<std::size_t>(me())], 0U);
    bootstrap->barrier();
    std::fill_n(window->data(), window->bytes(), static_cast<std::byte>(me() + 1));
    bootstrap->barrier();
    for (int rank = 0; rank < table.ranks(); ++rank) {
        const auto* block = table.data[static_cast<std::size_t>(rank)];
        EXPECT_TRUE(std::all_of(block, block + bytes(rank), is(static_cast<std::byte>(rank + 1))));
    }
    bootstrap->barrier();
}

TEST(SharedWindow, SaysOnAllRanksWhatIsWantedAndWhatIsFree) {
    const auto bootstrap = make_mpi_bootstrap();
    const bool last = me() == bootstrap->size() - 1;
    const auto why = no_shared_room(MPI_COMM_WORLD, last ? kHuge : 0);
    const auto said = bootstrap->all_gather_strings(why);
    EXPECT_EQ(std::set(said.begin(), said.end()).size(), 1U) << why;
    EXPECT_TRUE(why.starts_with("/dev/shm has ")) << why;
    EXPECT_NE(why.find(" MiB free; ranks want to share 1073741824.0 MiB there, beside "),
              std::string::npos)
        << why;
    EXPECT_EQ(no_shared_room(MPI_COMM_WORLD, 1), "");
}

TEST(SharedWindow, WithoutRoomIsOutOfMemoryOnAllRanksAndTheNextOneIsMade) {
    const auto make = [](std::size_t bytes) { (void)make_shared_window(MPI_COMM_WORLD, bytes); };
    EXPECT_THROW(make(me() == 0 ? kHuge : 0), OutOfMemory);
    EXPECT_NO_THROW(make(1));
}

}  // namespace
}  // namespace moe
