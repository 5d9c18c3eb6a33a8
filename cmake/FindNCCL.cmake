# NCCL::nccl 2.27 or later: from NCCL_ROOT (CMake looks there by itself), the system, the CUDA
# toolkit, or the pip wheel of the Python that is found first.
if(NOT NCCL_LIBRARY)
    find_program(NCCL_PYTHON NAMES python3 HINTS ${PROJECT_SOURCE_DIR}/.venv/bin)
    set(python "${NCCL_PYTHON}")
    if(MOE_PYTHON)
        set(python "${MOE_PYTHON}")
    endif()
    if(python)
        execute_process(COMMAND ${python} -c
            "import nvidia.nccl as n; print(list(n.__path__)[0], end='')"
            OUTPUT_VARIABLE NCCL_WHEEL ERROR_QUIET)
    endif()
endif()
find_path(NCCL_INCLUDE_DIR nccl.h HINTS ${CUDAToolkit_INCLUDE_DIRS} ${NCCL_WHEEL}/include)
# The wheel has no link without the version.
find_library(NCCL_LIBRARY NAMES nccl libnccl.so.2
    HINTS ${CUDAToolkit_LIBRARY_DIR} ${NCCL_WHEEL}/lib)
if(NCCL_INCLUDE_DIR)
    file(STRINGS ${NCCL_INCLUDE_DIR}/nccl.h lines REGEX "^#define NCCL_(MAJOR|MINOR|PATCH) ")
    string(REGEX REPLACE "[^0-9;]" "" lines "${lines}")
    list(JOIN lines "." NCCL_VERSION)
endif()
include(FindPackageHandleStandardArgs)
find_package_handle_standard_args(NCCL REQUIRED_VARS NCCL_LIBRARY NCCL_INCLUDE_DIR
    VERSION_VAR NCCL_VERSION)
if(NCCL_FOUND AND NOT TARGET NCCL::nccl)
    add_library(NCCL::nccl UNKNOWN IMPORTED)
    set_target_properties(NCCL::nccl PROPERTIES IMPORTED_LOCATION ${NCCL_LIBRARY}
        INTERFACE_INCLUDE_DIRECTORIES ${NCCL_INCLUDE_DIR})
endif()
