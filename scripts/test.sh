#!/usr/bin/env bash
# Builds and runs every test that this machine can run: as released, then with the address and
# undefined-behaviour sanitizers.
#
#   scripts/test.sh [--quick] [--werror]
#
# --quick leaves the sanitizers out; --werror (or CI=true) makes warnings errors.
# shellcheck source=scripts/setup.sh
source "$(dirname -- "${BASH_SOURCE[0]}")/setup.sh"

usage="usage: scripts/test.sh [--quick] [--werror]"
presets=(host asan)
options=()
skipped=()

if [[ ${CI:-} == true ]]; then options=(-DMOE_WERROR=ON); fi
for argument in "$@"; do
    case $argument in
        --quick) presets=(host) skipped=("sanitizers: --quick") ;;
        --werror) options=(-DMOE_WERROR=ON) ;;
        -h | --help) say "$usage" && exit ;;
        *) say "error: no option $argument; $usage" && exit 2 ;;
    esac
done

# Why the tests that need a GPU cannot run here; nothing if they can.
no_gpu() {
    if ! command -v nvidia-smi >/dev/null; then
        echo "no GPU here (nvidia-smi not found)"
    elif ! nvidia-smi --list-gpus 2>/dev/null | grep -q ^GPU; then
        echo "no GPU here (nvidia-smi lists none)"
    fi
}

# Tests of several ranks declare their processors, so that ctest does not pile them up.
run_tests() {
    local start=$SECONDS
    (cd "$root" && ctest --preset "$1" --output-on-failure --no-tests=error \
        --parallel "$(nproc)") </dev/null
    say "tests ($1): $((SECONDS - start)) s"
}

setup_packages
setup_python
need_python
for preset in "${presets[@]}"; do
    step "build ($preset)" "$root/build/$preset/build.log" build "$preset" all "${options[@]}"
    run_tests "$preset"
done
gpu=$(no_gpu)
if [[ -n $gpu ]]; then skipped+=("GPU tests: $gpu"); fi
for what in "${skipped[@]}"; do say "skipped: $what"; done
