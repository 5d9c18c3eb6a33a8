# The CUDA half: whether it is built, for which GPUs, and what every .cu file is compiled with.

# moe_find_cuda(<result>): whether nvcc and NCCL are here; else <result>_MISSING says what is not.
function(moe_find_cuda result)
    find_program(MOE_NVCC nvcc HINTS ENV CUDACXX ENV CUDA_PATH ENV CUDA_HOME /usr/local/cuda
        PATH_SUFFIXES bin)
    if(MOE_NVCC AND NOT CMAKE_CUDA_COMPILER AND NOT DEFINED ENV{CUDACXX})
        set(CMAKE_CUDA_COMPILER ${MOE_NVCC} CACHE FILEPATH "The CUDA compiler")
    endif()
    find_package(CUDAToolkit 12.0 QUIET)
    find_package(NCCL 2.27 QUIET)
    set(missing "")
    if(NOT MOE_NVCC OR NOT CUDAToolkit_FOUND)
        list(APPEND missing "nvcc (CUDA toolkit 12 or later)")
    endif()
    if(NOT NCCL_FOUND)
        list(APPEND missing "NCCL 2.27 or later (libnccl-dev, NCCL_ROOT, or pip's nvidia-nccl)")
    endif()
    list(JOIN missing ", " text)
    set(${result}_MISSING "${text}" PARENT_SCOPE)
    if(missing)
        set(${result} FALSE PARENT_SCOPE)
    else()
        set(${result} TRUE PARENT_SCOPE)
    endif()
endfunction()

# moe_choose_architectures(): the GPUs of this machine; without one, those that serve most.
macro(moe_choose_architectures)
    if(NOT DEFINED CMAKE_CUDA_ARCHITECTURES AND NOT DEFINED ENV{CUDAARCHS})
        execute_process(COMMAND nvidia-smi --query-gpu=compute_cap --format=csv,noheader
            OUTPUT_VARIABLE seen OUTPUT_STRIP_TRAILING_WHITESPACE ERROR_QUIET RESULT_VARIABLE failed)
        if(failed OR NOT seen MATCHES "^[0-9.\n]+$")
            set(seen "80\n90")
        endif()
        string(REPLACE "." "" seen "${seen}")
        string(REPLACE "\n" ";" seen "${seen}")
        list(REMOVE_DUPLICATES seen)
        set(CMAKE_CUDA_ARCHITECTURES "${seen}" CACHE STRING "GPUs to build for, as 80;90")
    endif()
endmacro()

# moe_hopper_sources(<target> <with> <without>): <with>, which uses instructions that only Hopper has
# (target sm_90a), where Hopper is among the GPUs that are built for; else <without>.
function(moe_hopper_sources target with without)
    set(kinds "${CMAKE_CUDA_ARCHITECTURES}")
    if(kinds STREQUAL "native")
        execute_process(COMMAND nvidia-smi --query-gpu=compute_cap --format=csv,noheader
            OUTPUT_VARIABLE kinds ERROR_QUIET)
        string(REGEX REPLACE "[.]" "" kinds "${kinds}")
        string(REPLACE "\n" ";" kinds "${kinds}")
    endif()
    if(kinds MATCHES "(^|;)(90|all)")
        # Apart, because a list of GPUs belongs to a target, not to a file.
        add_library(${target}_hopper OBJECT ${with})
        set_target_properties(${target}_hopper PROPERTIES CUDA_ARCHITECTURES 90a)
        target_link_libraries(${target}_hopper PRIVATE moe_kernels CUDA::cudart)
        target_sources(${target} PRIVATE $<TARGET_OBJECTS:${target}_hopper>)
    else()
        target_sources(${target} PRIVATE ${without})
    endif()
endfunction()
