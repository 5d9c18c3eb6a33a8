# moe_options: what every target of ours is compiled with.
option(MOE_WERROR "Treat warnings as errors" OFF)
option(MOE_NATIVE "Use all instructions of this machine; OFF for binaries that travel" ON)

add_library(moe_options INTERFACE)
target_include_directories(moe_options INTERFACE ${PROJECT_SOURCE_DIR})
target_compile_options(moe_options INTERFACE
    $<$<COMPILE_LANGUAGE:CXX>:-Wall -Wextra -Wpedantic -Wconversion -Wshadow -Wold-style-cast>
    $<$<AND:$<COMPILE_LANGUAGE:CXX>,$<BOOL:${MOE_WERROR}>>:-Werror>
    $<$<AND:$<COMPILE_LANGUAGE:CXX>,$<BOOL:${MOE_NATIVE}>>:-march=native>
    # GCC 12.2's straight-line vectoriser was seen to build {1, 1, 1, 1} from {1, 1, 0, 0}
    # (tests/moe_test.cpp, Load.DealsAsWorkedByHand); the loops that matter here do not need it.
    $<$<AND:$<CXX_COMPILER_ID:GNU>,$<VERSION_LESS:$<CXX_COMPILER_VERSION>,13>>:-fno-tree-slp-vectorize>
    $<$<COMPILE_LANGUAGE:CUDA>:-Xcompiler=-Wall,-Wextra>
    $<$<AND:$<COMPILE_LANGUAGE:CUDA>,$<BOOL:${MOE_WERROR}>>:-Werror=all-warnings>
    # Loops of known layout are meant to be vectorised, whatever the build type says.
    $<$<AND:$<COMPILE_LANGUAGE:CXX>,$<CONFIG:Release>>:-O3>)

# A BLAS with cblas.h. OpenBLAS by name, since ranks must be able to switch its threads off.
if(MOE_BLAS)
    find_package(PkgConfig REQUIRED)
    pkg_check_modules(OPENBLAS REQUIRED IMPORTED_TARGET openblas)
endif()

# moe_precompile(<target>): with MOE_PCH, what most files of the target include.
function(moe_precompile target)
    if(MOE_PCH)
        target_precompile_headers(${target} PRIVATE
            $<$<COMPILE_LANGUAGE:CXX>:<algorithm$<ANGLE-R>> $<$<COMPILE_LANGUAGE:CXX>:<functional$<ANGLE-R>>
            $<$<COMPILE_LANGUAGE:CXX>:<map$<ANGLE-R>> $<$<COMPILE_LANGUAGE:CXX>:<optional$<ANGLE-R>>
            $<$<COMPILE_LANGUAGE:CXX>:<string$<ANGLE-R>> $<$<COMPILE_LANGUAGE:CXX>:<vector$<ANGLE-R>>
            $<$<COMPILE_LANGUAGE:CXX>:<fmt/format.h$<ANGLE-R>> ${ARGN})
    endif()
endfunction()
