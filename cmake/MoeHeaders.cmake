# Libraries that are headers only, or can be: as packages, or as headers that scripts/no_root.sh, or
# a clone made by hand, left in .venv.

file(GLOB MOE_HEADER_FOLDERS
    ${PROJECT_SOURCE_DIR}/.venv/src/*/include ${PROJECT_SOURCE_DIR}/.venv/src/*/usr/include
    ${PROJECT_SOURCE_DIR}/.venv/lib/python3*/site-packages/cmeel.prefix/include
    ${PROJECT_SOURCE_DIR}/.venv/lib/python3*/site-packages/nlohmann_json/include)

# moe_find_headers(<package> <target> <header> [<definition>...]): <target>, of the package where CMake
# finds that, else of the folder that holds <header>, with the definitions.
macro(moe_find_headers package target header)
    find_package(${package} QUIET)
    if(NOT TARGET ${target})
        find_path(${package}_HEADERS ${header} HINTS ${MOE_HEADER_FOLDERS})
        if(NOT ${package}_HEADERS)
            message(FATAL_ERROR "missing: ${package} (${header}); scripts/setup.sh installs it")
        endif()
        add_library(${target} INTERFACE IMPORTED)
        target_include_directories(${target} INTERFACE ${${package}_HEADERS})
        target_compile_definitions(${target} INTERFACE ${ARGN})
    endif()
endmacro()

moe_find_headers(fmt fmt::fmt fmt/format.h FMT_HEADER_ONLY)
moe_find_headers(CLI11 CLI11::CLI11 CLI/CLI.hpp)
moe_find_headers(nlohmann_json nlohmann_json::nlohmann_json nlohmann/json.hpp)
