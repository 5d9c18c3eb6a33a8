#pragma once

#include <algorithm>
#include <array>
#include <atomic>
#include <cstddef>
#include <cstdint>
#include <string>
#include <string_view>

namespace moe {

/// One writer, any number of readers in other processes, no lock that a dead writer could hold: a
/// reader tries again while the version is odd or has changed (a seqlock).
template <std::size_t Bytes>
class SharedText {
public:
    void write(std::string_view text) {
        const auto version = version_.load(std::memory_order_relaxed);
        version_.store(version + 1, std::memory_order_relaxed);
        std::atomic_thread_fence(std::memory_order_release);
        const auto size = std::min(text.size(), chars_.size() - 1);
        for (std::size_t i = 0; i < size; ++i) chars_[i].store(text[i], std::memory_order_relaxed);
        chars_[size].store('\0', std::memory_order_relaxed);
        version_.store(version + 2, std::memory_order_release);
    }
    [[nodiscard]] std::string read() const {
        // A writer that was stopped in the middle stays there: then what there is has to do.
        constexpr int kTries = 1000;
        std::string text;
        for (int attempt = 0; attempt < kTries; ++attempt) {
            const auto before = version_.load(std::memory_order_acquire);
            text.clear();
            for (const auto& stored : chars_) {
                const char c = stored.load(std::memory_order_relaxed);
                if (c == '\0') break;
                text += c;
            }
            std::atomic_thread_fence(std::memory_order_acquire);
            if (before % 2 == 0 && version_.load(std::memory_order_relaxed) == before) break;
        }
        return text;
    }

private:
    std::atomic<std::uint32_t> version_{};
    std::array<std::atomic<char>, Bytes> chars_{};
};

}  // namespace moe
