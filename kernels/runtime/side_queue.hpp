#pragma once

#include <functional>

namespace moe {

class Stream;

/// A second queue of a device: what it is told runs while a stream goes on with other work.
class SideQueue {
public:
    virtual ~SideQueue() = default;
    /// Whether its work has no core to itself, and takes turns with a rank. Never on a GPU.
    [[nodiscard]] virtual bool shares_core() const = 0;
    /// `work` enqueues on the stream that it is given; what it enqueues begins when what `stream`
    /// was told so far is done. While `stream` captures, it is another branch of its graph. What
    /// `work` touches lives until join(), before which there is no other fork().
    virtual void fork(Stream& stream, const std::function<void(Stream&)>& work) = 0;
    /// What `stream` is told from here on begins when the forked work is done. Throws what the work
    /// threw.
    virtual void join(Stream& stream) = 0;
};

}  // namespace moe
