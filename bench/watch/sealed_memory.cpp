#include "bench/watch/sealed_memory.hpp"

#include <fcntl.h>
#include <fmt/format.h>
#include <sys/mman.h>
#include <sys/stat.h>
#include <unistd.h>

#include <random>
#include <utility>

namespace moe {
namespace {

constexpr int kSeals = F_SEAL_SHRINK | F_SEAL_GROW | F_SEAL_SEAL;

/// 128 random bits as text.
std::string make_nonce() {
    std::random_device random;
    return fmt::format("{:08x}{:08x}{:08x}{:08x}", random(), random(), random(), random());
}

bool is_file_of(const Descriptor& file, std::size_t bytes) {
    struct stat found {};
    return file && fstat(file.get(), &found) == 0 && S_ISREG(found.st_mode) &&
           found.st_size == static_cast<off_t>(bytes);
}

/// Only files in memory have seals, and none but those made for it have these.
bool is_sealed(const Descriptor& file) {
    const int seals = fcntl(file.get(), F_GET_SEALS);
    return seals >= 0 && (seals & kSeals) == kSeals;
}

bool begins_with(const Descriptor& file, const std::string& nonce) {
    std::string start(nonce.size(), '\0');
    return pread(file.get(), start.data(), start.size(), 0) == static_cast<ssize_t>(start.size()) &&
           start == nonce;
}

/// The file of a descriptor once more, whatever is at its path by now.
Descriptor reopen(const Descriptor& file, int mode) {
    return Descriptor(open(fmt::format("/proc/self/fd/{}", file.get()).c_str(), mode | O_CLOEXEC));
}

}  // namespace

Descriptor::~Descriptor() {
    if (number_ >= 0) close(number_);
}

Descriptor::Descriptor(Descriptor&& other) noexcept : number_(std::exchange(other.number_, -1)) {}

Descriptor& Descriptor::operator=(Descriptor&& other) noexcept {
    std::swap(number_, other.number_);
    return *this;
}

SealedMemory SealedMemory::make(std::size_t bytes) {
    SealedMemory memory;
    Descriptor file(memfd_create("moe_progress_board", MFD_CLOEXEC | MFD_ALLOW_SEALING));
    const auto nonce = make_nonce();
    if (!file || ftruncate(file.get(), static_cast<off_t>(kBegin + bytes)) != 0 ||
        pwrite(file.get(), nonce.data(), nonce.size(), 0) != static_cast<ssize_t>(nonce.size()) ||
        fcntl(file.get(), F_ADD_SEALS, kSeals) != 0) {
        return memory;
    }
    memory.offer_ = {fmt::format("/proc/{}/fd/{}", getpid(), file.get()), nonce};
    memory.file_ = std::move(file);
    return memory;
}

SealedMemory SealedMemory::find(const MemoryOffer& offer, std::size_t bytes) {
    SealedMemory memory;
    // Opening some files does things, even for reading only; a path alone does nothing.
    const Descriptor place(open(offer.path.c_str(), O_PATH | O_CLOEXEC));
    if (!is_file_of(place, kBegin + bytes)) return memory;
    const auto readable = reopen(place, O_RDONLY);
    if (!readable || !is_sealed(readable) || !begins_with(readable, offer.nonce)) return memory;
    memory.file_ = reopen(place, O_RDWR);
    memory.offer_ = offer;
    return memory;
}

}  // namespace moe
