# moe_options: what every target of ours is compiled with.
option(MOE_WERROR "Treat warnings as errors" OFF)
option(MOE_NATIVE "Use all instructions of this machine; OFF for binaries that travel" ON)

add_library(moe_options INTERFACE)
target_include_directories(moe_options INTERFACE ${PROJECT_SOURCE_DIR})
target_compile_options(moe_options INTERFACE
    $<$<COMPILE_LANGUAGE:CXX>:-Wall -Wextra -Wpedantic -Wconversion -Wshadow -Wold-style-cast>
    $<$<AND:$<COMPILE_LANGUAGE:CXX>,$<BOOL:${MOE_WERROR}>>:-Werror>
    # Errors name files within the tree, so that ccache finds what was compiled in another tree.
    $<$<COMPILE_LANGUAGE:CXX>:-fmacro-prefix-map=${PROJECT_SOURCE_DIR}/=>
    $<$<AND:$<COMPILE_LANGUAGE:CXX>,$<BOOL:${MOE_NATIVE}>>:-march=native>
    # GCC 12.2's straight-line vectoriser was seen to build {1, 1, 1, 1} from {1, 1, 0, 0}
    # (tests/load_test.cpp, Load.DealsAsWorkedByHand); the loops that matter here do not need it.
    $<$<AND:$<CXX_COMPILER_ID:GNU>,$<VERSION_LESS:$<CXX_COMPILER_VERSION>,13>>:-fno-tree-slp-vectorize>
    $<$<COMPILE_LANGUAGE:CUDA>:-Xcompiler=-Wall,-Wextra>
    $<$<AND:$<COMPILE_LANGUAGE:CUDA>,$<BOOL:${MOE_WERROR}>>:-Werror=all-warnings>)

# A BLAS with cblas.h. OpenBLAS by name, since ranks must be able to switch its threads off.
if(MOE_BLAS)
    find_package(PkgConfig REQUIRED)
    pkg_check_modules(OPENBLAS REQUIRED IMPORTED_TARGET openblas)
endif()

# moe_precompiled_headers(<target> [LIBRARIES <target>...] [HEADERS <header>...]): an empty library whose
# precompiled headers others reuse: what most files include, and HEADERS.
function(moe_precompiled_headers target)
    cmake_parse_arguments(PARSE_ARGV 1 arg "" "" "LIBRARIES;HEADERS")
    file(CONFIGURE OUTPUT ${CMAKE_CURRENT_BINARY_DIR}/nothing.cpp CONTENT "")
    add_library(${target} OBJECT ${CMAKE_CURRENT_BINARY_DIR}/nothing.cpp)
    target_link_libraries(${target} PRIVATE moe_options fmt::fmt ${arg_LIBRARIES})
    # Without the time in them they are the same each time, and so is for ccache what uses them.
    target_compile_options(${target} PRIVATE
        "SHELL:$<$<CXX_COMPILER_ID:Clang>:-Xclang -fno-pch-timestamp>")
    target_precompile_headers(${target} PRIVATE
        <algorithm> <functional> <map> <optional> <string> <vector> <fmt/format.h> ${arg_HEADERS})
endfunction()

if(MOE_PCH)
    moe_precompiled_headers(moe_headers)
endif()

# moe_precompile(<target>...): libraries of ours, which are compiled alike; with MOE_PCH.
function(moe_precompile)
    if(MOE_PCH)
        foreach(target IN LISTS ARGN)
            target_precompile_headers(${target} REUSE_FROM moe_headers)
        endforeach()
    endif()
endfunction()

# moe_unite(<target>...): with MOE_UNITY the sources of each are compiled as one, which reads their
# headers once: names in unnamed namespaces are unique in a folder. Not for strategies and kernels:
# what is measured is compiled the same way in every build.
function(moe_unite)
    set_target_properties(${ARGN} PROPERTIES UNITY_BUILD ${MOE_UNITY} UNITY_BUILD_BATCH_SIZE 0)
endfunction()
