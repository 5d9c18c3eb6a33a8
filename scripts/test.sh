#!/usr/bin/env bash
# Builds and runs every test that this machine can run: as released, with the address and
# undefined-behaviour sanitizers, and on its GPUs, which more ranks than GPUs share. Where CUDA and
# NCCL are but no GPU is, the GPU half is compiled all the same, says that it finds none, and runs
# some of its kernels on the processor.
#
#   scripts/test.sh [--quick | --full] [--werror]
#
# --quick leaves the sanitizers out; --full adds what takes long and differs little: other numbers of
# ranks, f16, more ways to die (tests with the label full, and those that ask for MOE_TESTS_FULL);
# --werror (or CI=true) makes warnings errors.
# shellcheck source=scripts/setup.sh
source "$(dirname -- "${BASH_SOURCE[0]}")/setup.sh"
# shellcheck source=scripts/running.sh
source "$root/scripts/running.sh"
# shellcheck source=scripts/ahead.sh
source "$root/scripts/ahead.sh"

usage="usage: scripts/test.sh [--quick | --full] [--werror]"
presets=(host asan)
options=()
skipped=()
export MOE_TESTS_FULL=${MOE_TESTS_FULL:-}
at_once=$(($(nproc) * 3 / 2)) # many tests wait for launchers

if [[ ${CI:-} == true ]]; then options=(-DMOE_WERROR=ON); fi
for argument in "$@"; do
    case $argument in
        --quick) presets=(host) skipped=("sanitizers: --quick") ;;
        --full) MOE_TESTS_FULL=1 ;;
        --werror) options=(-DMOE_WERROR=ON) ;;
        -h | --help) print_help && exit ;;
        *) say "error: no option $argument; $usage" && exit 2 ;;
    esac
done

# Tests of several ranks declare their processors, so that ctest does not pile them up. Open MPI
# keeps a folder for all jobs of one user, which is gone when none is left, and jobs that make it at
# the same moment fail (one in some hundred): here it is one that stays.
run_tests() {
    local start=$SECONDS
    (
        folder=$(mktemp -d /tmp/moe.XXXXXX)
        trap 'rm -rf -- "$folder"' EXIT
        mkdir -p "$folder/ompi.${HOSTNAME%%.*}.$EUID/stays"
        cd "$root"
        OMPI_MCA_orte_tmpdir_base=$folder ctest --preset "$1" --output-on-failure \
            --no-tests=error --parallel "$at_once"
    ) </dev/null
    say "tests ($1): $((SECONDS - start)) s"
}

# sanitizes [OPTION...]: whether clang, its runtime and what the options ask for are here.
sanitizes() {
    clang++ -fsanitize=address,undefined "$@" -x c++ -o /dev/null - <<<'int main() {}' 2>/dev/null
}

# compiler_of PRESET: clang, where it and its runtime are and no CXX says otherwise, compiles what is
# sanitized in half the time. A folder that is there already keeps its compiler.
compiler_of() {
    if [[ -z ${CXX:-} && $1 == asan ]] && sanitizes; then
        echo clang++
    else
        echo "${CXX:-}"
    fi
}

# build_tests PRESET: what is tested there; of the GPU half without a GPU what runs all the same. With
# the sanitizers' runtime in it each test takes GNU's linker a second, and lld a quarter of that.
build_tests() {
    local target=all own=()
    if [[ $1 == cuda && $(gpus) == 0 ]]; then target=gpu_half; fi
    if [[ $1 == asan ]] && sanitizes -fuse-ld=lld; then
        own=(-DCMAKE_EXE_LINKER_FLAGS=-fuse-ld=lld)
    fi
    CXX=$(compiler_of "$1") build "$1" "$target" "${options[@]}" "${own[@]}"
}

# On GPUs; without one, to see that it compiles, and to what, what it says, and on the processor what
# kernels do.
test_gpu_half() {
    local start=$SECONDS
    if [[ $(gpus) == 0 ]]; then
        step "tests (cuda)" "$root/build/cuda/tests.log" ctest --test-dir "$root/build/cuda" \
            --no-tests=error --parallel "$at_once" --output-on-failure \
            -R '^(no_gpu_kernels|nvml_test|ipc_memory_test|peer_scopes|simt_test|simt_peer_test)([.]|$)'
        skipped+=("GPU tests: no GPU here")
    else
        (cd "$root" && scripts/share_gpu.sh -- ctest --preset gpu --output-on-failure)
        say "tests (gpu): $((SECONDS - start)) s"
    fi
}

setup_packages
need_test_libraries
setup_python
need_python
cuda=$(missing_for_cuda)
builds=("${presets[@]}")
if [[ -z $cuda ]]; then builds+=(cuda); fi
for i in "${!presets[@]}"; do
    preset=${presets[i]} next=${builds[i + 1]:-}
    step "build ($preset)" "$root/build/$preset/build.log" after_ahead build_tests "$preset"
    if [[ -n $next ]]; then begin_ahead "$root/build/$next/ahead.log" build_tests "$next"; fi
    run_tests "$preset"
done
if [[ $MOE_TESTS_FULL == 1 ]]; then
    run_tests full
else
    skipped+=("other numbers of ranks, f16 and more: --full has them")
fi
if ! has_browser; then
    skipped+=("the report in a browser: no Chromium or no Playwright, which scripts/setup.sh --lint installs")
fi
if [[ -z $cuda ]] && ! has_cuda_tools cuobjdump nvdisasm; then
    skipped+=("scopes in machine code: no cuobjdump and nvdisasm, which scripts/setup.sh --lint installs")
fi
if [[ -n $cuda ]]; then
    skipped+=("the GPU half: missing: $cuda")
else
    # As the host half is: where ccache is used, what both have is there already.
    step "build (cuda)" "$root/build/cuda/build.log" after_ahead build_tests cuda
    test_gpu_half
fi
for what in "${skipped[@]}"; do say "skipped: $what"; done
