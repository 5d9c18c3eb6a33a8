#pragma once

#include <string_view>

namespace moe {

class Stream;

/// Lets code that knows nothing of measurement say where its phases begin and end on a stream.
/// The default says nothing, and is what every timed run uses.
class Trace {
public:
    virtual ~Trace() = default;
    virtual void enter(std::string_view /*phase*/, Stream& /*stream*/) {}
    virtual void leave(std::string_view /*phase*/, Stream& /*stream*/) {}
};

/// Marks one phase for as long as it lives.
class [[nodiscard]] Phase {
public:
    Phase(Trace& trace, std::string_view name, Stream& stream)
        : trace_(trace), name_(name), stream_(stream) {
        trace_.enter(name_, stream_);
    }
    ~Phase() { trace_.leave(name_, stream_); }
    Phase(const Phase&) = delete;
    Phase& operator=(const Phase&) = delete;

private:
    Trace& trace_;
    std::string_view name_;
    Stream& stream_;
};

}  // namespace moe
