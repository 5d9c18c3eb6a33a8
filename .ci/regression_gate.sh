#!/usr/bin/env bash
# Gates a change on the speed of what it is based on: builds the base in a worktree of its own,
# takes launches of base and change in turns, and compares them. Then shows that the gate sees: a
# strategy of the change that is slowed down by 30 % has to be found.
#
#   .ci/regression_gate.sh [--build] [BASE]     a commit; MOE_BASE, else HEAD~1
#
# --build only builds the base, which takes longest: another time finds that in build/regression/base.
# Reports go to build/regression/. Exit status: 0, 1 for a regression or a blind gate, 2 for a BASE
# that is no commit.
# shellcheck source=scripts/setup.sh
source "$(dirname -- "${BASH_SOURCE[0]}")/../scripts/setup.sh"
# shellcheck source=scripts/running.sh
source "$root/scripts/running.sh"
cd "$root"

reports=$root/build/regression
planted=reduce_scatterv_alltoallv
launches=7
sweep=(--scope output --tokens 64 --load balanced --intermediate 64 --verify exact --budget 0.3
    --combine "all_reduce_slice,reduce_scatterv_grouped,$planted,reduce_scatterv_native"
    --progress none)
scratch=$(mktemp -d)
base_tree=$reports/base
base='' only_build=''

remove_base() {
    git worktree remove --force "$base_tree" 2>/dev/null || true
    rm -rf -- "$base_tree"
}

clean_up() {
    rm -rf -- "$scratch"
    if [[ -n $base && -z $only_build ]]; then remove_base; fi
}
trap clean_up EXIT

# Sets base, or why there is none. Only a base that was asked for by name has to be there.
find_base() {
    local name=${1:-${MOE_BASE:-}}
    base=$(git rev-parse -q --verify "${name:-HEAD~1}^{commit}") && return
    if [[ -n $name ]]; then
        say "error: $name is no commit here"
        exit 2
    fi
    why_no_base="HEAD~1 is not there (a shallow clone?)"
}

# The program of the base, built as the change's is: with other flags ccache would find nothing of
# what both have. A warning fails no base, though. A worktree, because a clone of a shallow clone may
# lack the commit.
build_base() {
    local options=(-DBUILD_TESTING=OFF -DMOE_MICRO=OFF) there=$base_tree$'\n'$base werror
    werror=$(sed -n 's/^MOE_WERROR:BOOL=//p' build/host/CMakeCache.txt) || true
    if [[ $(git -C "$base_tree" rev-parse --show-toplevel HEAD 2>/dev/null) != "$there" ]]; then
        remove_base
        git worktree add -q --detach "$base_tree" "$base" || return
    fi
    root=$base_tree build host bench_moe_comm "${options[@]}" "-DMOE_WERROR=${werror:-OFF}" ||
        root=$base_tree build host bench_moe_comm "${options[@]}" -DMOE_WERROR=OFF
}

# What the program is made of; a base that has the same needs no build.
same_program() {
    git diff --quiet "$base" -- CMakeLists.txt CMakePresets.json cmake kernels comm bench
}

# arm PROGRAM NAME [OPTION...]: appended to series, which launches.sh takes.
arm() {
    series+=(-- mpirun "${quiet[@]}" -n "$ranks" "${binding[@]}" "$1" "${sweep[@]}" "${@:3}"
        --out "$scratch/$2")
}

# compare NAME BASELINE NEW: answers the status of check_regression.py.
compare() {
    "$python" scripts/check_regression.py "$scratch/$2" "$scratch/$3" \
        --markdown "$reports/$1.md" --junit "$reports/$1.xml"
}

# A table with a column that the base did not have yet cannot be compared, and is no regression.
gate_change() {
    local status=0
    compare change base change || status=$?
    if ((status == 2)); then say "nothing to compare with: see the line above"; fi
    if ((status == 1)); then failed=1; fi
}

# found_planted BASELINE NEW
found_planted() {
    local status=0
    compare planted "$1" "$2" >/dev/null || status=$?
    ((status == 1)) && grep -q "^| regression .*| $planted |" "$reports/planted.md"
}

# On a machine that others use as well, launches may lie too far apart to show 30 % (1 of 20 trials,
# scripts/README.md): then they are taken once more.
gate_planted() {
    if found_planted change planted; then
        say "planted 30 % were found"
        return
    fi
    series=()
    arm "$program" change_again
    arm "$program" planted_again --plant "$planted:30"
    step "launches, once more" "$reports/launches_again.log" \
        scripts/launches.sh "$launches" "${series[@]}"
    if found_planted change_again planted_again; then
        say "planted 30 % were found, the second time"
    elif grep -q "^| inconclusive: disturbed .*| $planted |" "$reports/planted.md"; then
        say "not seen whether 30 % are found: others worked on these cores; $reports/planted.md"
    else
        say "error: 30 % planted in $planted were not found: $reports/planted.md"
        failed=1
    fi
}

why_no_base='' failed='' series=()
if [[ ${1:-} == --build ]]; then
    only_build=1
    shift
fi
find_base "$@"
if [[ -n $only_build ]]; then
    if [[ -n $base ]] && ! same_program; then build_base; fi
    exit
fi
setup_python
need_python
program=$root/build/host/bench/bench_moe_comm
step "build" "$root/build/host/build.log" build host bench_moe_comm
mkdir -p "$reports"
kind=$(launcher_kind mpirun)
read -ra quiet <<<"$(quiet_of "$kind")"
RANKS=2 choose_ranks "$kind"
if [[ -n $base ]] && same_program; then
    why_no_base="the base, ${base:0:12}, has the same program"
elif [[ -n $base ]]; then
    step "build of the base, ${base:0:12}" "$root/build/regression/build.log" build_base
    if "$base_tree/build/host/bench/bench_moe_comm" --help | grep -- --launch >/dev/null; then
        arm "$base_tree/build/host/bench/bench_moe_comm" base
    else
        why_no_base="the base, ${base:0:12}, has no --launch"
    fi
fi
arm "$program" change
arm "$program" planted --plant "$planted:30"
step launches "$reports/launches.log" scripts/launches.sh "$launches" "${series[@]}"
if [[ -z $why_no_base ]]; then gate_change; else say "nothing to compare with: $why_no_base"; fi
gate_planted
say "regression gate: $SECONDS s; reports: $reports"
[[ -z $failed ]]
