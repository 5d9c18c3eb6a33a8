#pragma once

#include <cstddef>
#include <string>

namespace moe {

/// A descriptor that is closed with its owner; -1: none.
class Descriptor {
public:
    explicit Descriptor(int number = -1) : number_(number) {}
    ~Descriptor();
    Descriptor(Descriptor&& other) noexcept;
    Descriptor& operator=(Descriptor&& other) noexcept;
    Descriptor(const Descriptor&) = delete;
    Descriptor& operator=(const Descriptor&) = delete;
    [[nodiscard]] int get() const { return number_; }
    explicit operator bool() const { return number_ >= 0; }

private:
    int number_;
};

/// Where other processes find a memory, and what proves to them that they found it.
struct MemoryOffer {
    std::string path;   ///< /proc/PID/fd/N, which is something else in another PID namespace
    std::string nonce;  ///< random text that its first bytes repeat
};

/// Memory that processes of one PID namespace map together. It has no name in any file system, so a
/// killed job leaves nothing behind; its size is sealed.
class SealedMemory {
public:
    /// `bytes` zeros behind the nonce; none if the kernel has no such memory.
    [[nodiscard]] static SealedMemory make(std::size_t bytes);
    /// What another process made; none if there is something else at that path, which is looked at
    /// without being opened for writing, and not opened at all if it is no file of that size.
    [[nodiscard]] static SealedMemory find(const MemoryOffer& offer, std::size_t bytes);

    explicit operator bool() const { return static_cast<bool>(file_); }
    /// Empty where there is none.
    [[nodiscard]] const MemoryOffer& offer() const { return offer_; }
    [[nodiscard]] const Descriptor& file() const { return file_; }

    /// Where the zeros begin in the file: a cache line of its own is for the nonce.
    static constexpr std::size_t kBegin = 64;

private:
    Descriptor file_;
    MemoryOffer offer_;
};

}  // namespace moe
