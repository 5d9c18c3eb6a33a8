#pragma once

#include <cstdio>
#include <memory>
#include <span>
#include <string>
#include <string_view>
#include <vector>

namespace moe {

/// What was done from a moment on, for so long; seconds.
struct TraceSlice {
    std::string_view name, category;
    double begin{}, duration{};
};
/// One line of a trace: slices that do not overlap.
struct TraceTrack {
    std::string name;
    std::vector<TraceSlice> slices;
};

/// A trace that Perfetto and chrome://tracing show: the JSON Array Format of the Trace Event
/// Format, where the bracket at the end may be missing, so that a run that is killed leaves a
/// trace.
class TraceFile {
public:
    /// Opens the file, or makes it; what is in it stays until begin(). A BadArgument if it cannot
    /// be written, or holds something else than a trace, which nobody meant to replace.
    explicit TraceFile(std::string path);
    /// Ends the trace. A file that was made here and never begun goes.
    ~TraceFile();
    TraceFile(const TraceFile&) = delete;
    TraceFile& operator=(const TraceFile&) = delete;

    /// Empties the file. An Error if it cannot be written, like the next.
    void begin();
    /// Appends the tracks under one heading.
    void append(std::string_view heading, std::span<const TraceTrack> tracks);

private:
    struct Close {
        void operator()(std::FILE* file) const { std::fclose(file); }
    };
    void add(std::string_view event);
    void flush();

    std::string path_;
    bool made_;
    bool begun_{};
    std::unique_ptr<std::FILE, Close> file_;
    bool has_events_{};
    int headings_{}, tracks_{};
};

}  // namespace moe
