#pragma once

#include <stdexcept>
#include <string>
#include <string_view>

namespace moe {

/// Every failure in this program.
class Error : public std::runtime_error {
public:
    using std::runtime_error::runtime_error;
};

/// The user asked for something that cannot be: one line that says what was seen and what was
/// possible. Ends the program with status 2; every other Error is a failed rank, status 3.
class BadArgument : public Error {
public:
    /// What was seen is quoted in `what`, and may hold anything: control characters in it become
    /// \xNN, so that it stays one line and does nothing to a terminal.
    explicit BadArgument(std::string_view what);
};

/// A library said no: CUDA, NCCL, MPI and their like. Perhaps only because another rank is gone.
class LibraryError : public Error {
public:
    using Error::Error;
};

/// A device has less memory left than was asked for.
class OutOfMemory : public Error {
public:
    using Error::Error;
};

/// Where a check was written. A struct of our own: clang-tidy 14 cannot parse <source_location>.
struct Site {
    const char* file;
    int line;
    const char* expression;
};

/// Cold and out of line, so that a check costs its caller one compare and one call.
[[noreturn]] void raise(const Site& site, std::string_view what);
/// The same as a LibraryError.
[[noreturn]] void raise_refusal(const Site& site, std::string_view what);

}  // namespace moe

#define MOE_SITE(expression)           \
    ::moe::Site {                      \
        __FILE__, __LINE__, expression \
    }

#define MOE_EXPECT(condition, what)                                 \
    do {                                                            \
        if (!(condition)) ::moe::raise(MOE_SITE(#condition), what); \
    } while (false)
