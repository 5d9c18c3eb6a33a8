# NCCL::nccl of the version asked for or later: from NCCL_ROOT (CMake looks there by itself), else
# what an engine on this machine uses (scripts/find_nccl.py asks each Python in PATH), else from the
# system or the CUDA toolkit.

# nccl_header_version(<result> <folder>): of the nccl.h there, as 2.28.9; empty where there is none.
function(nccl_header_version result folder)
    set(lines "")
    if(EXISTS ${folder}/nccl.h)
        file(STRINGS ${folder}/nccl.h lines REGEX "^#define NCCL_(MAJOR|MINOR|PATCH) ")
        string(REGEX REPLACE "[^0-9;]" "" lines "${lines}")
    endif()
    list(JOIN lines "." version)
    set(${result} "${version}" PARENT_SCOPE)
endfunction()

# nccl_of_engines(): sets NCCL_LIBRARY, and NCCL_INCLUDE_DIR where nccl.h lies beside it.
function(nccl_of_engines)
    string(REPLACE ":" ";" folders "$ENV{PATH}")
    list(TRANSFORM folders APPEND /python3)
    foreach(python IN LISTS folders MOE_PYTHON ITEMS ${PROJECT_SOURCE_DIR}/.venv/bin/python)
        if(NOT EXISTS "${python}")
            continue()
        endif()
        execute_process(COMMAND ${python} ${PROJECT_SOURCE_DIR}/scripts/find_nccl.py
            OUTPUT_VARIABLE found OUTPUT_STRIP_TRAILING_WHITESPACE ERROR_QUIET TIMEOUT 120)
        if(NOT found MATCHES "^(.*)/([^/]+) ([0-9.]+)$")
            continue()
        endif()
        set(library ${CMAKE_MATCH_1}/${CMAKE_MATCH_2})
        set(include ${CMAKE_MATCH_1}/../include)
        set(version ${CMAKE_MATCH_3})
        if(version VERSION_LESS NCCL_FIND_VERSION)
            message(STATUS "Not the NCCL ${version} of ${python}: ${NCCL_FIND_VERSION} is wanted")
            continue()
        endif()
        message(STATUS "NCCL ${version} as ${python} loads it: ${library}")
        set(NCCL_LIBRARY ${library} CACHE FILEPATH "libnccl")
        if(EXISTS ${include}/nccl.h)
            get_filename_component(include ${include} ABSOLUTE)
            set(NCCL_INCLUDE_DIR ${include} CACHE PATH "The folder of nccl.h")
        endif()
        return()
    endforeach()
endfunction()

if(NOT NCCL_LIBRARY AND NOT NCCL_ROOT AND NOT DEFINED ENV{NCCL_ROOT})
    nccl_of_engines()
endif()
find_path(NCCL_INCLUDE_DIR nccl.h HINTS ${CUDAToolkit_INCLUDE_DIRS})
# Wheels and packages without headers have no link without the version.
find_library(NCCL_LIBRARY NAMES nccl libnccl.so.2 HINTS ${CUDAToolkit_LIBRARY_DIR})
if(NCCL_INCLUDE_DIR)
    nccl_header_version(NCCL_VERSION ${NCCL_INCLUDE_DIR})
endif()
include(FindPackageHandleStandardArgs)
find_package_handle_standard_args(NCCL REQUIRED_VARS NCCL_LIBRARY NCCL_INCLUDE_DIR
    VERSION_VAR NCCL_VERSION)
if(NCCL_FOUND AND NOT TARGET NCCL::nccl)
    add_library(NCCL::nccl UNKNOWN IMPORTED)
    set_target_properties(NCCL::nccl PROPERTIES IMPORTED_LOCATION ${NCCL_LIBRARY}
        INTERFACE_INCLUDE_DIRECTORIES ${NCCL_INCLUDE_DIR})
endif()
