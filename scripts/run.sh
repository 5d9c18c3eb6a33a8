#!/usr/bin/env bash
# Builds the benchmark and runs its sweep on what this machine has: with one rank for each GPU where
# there are GPUs (a single one is shared by 4 ranks, under MPS), else with one rank for each core, 2
# to 8. Results and charts go to results/local/<time>-<host>/. Options are the program's (see
# --help); a --out, --csv or --progress among them is used instead of this script's own. Without any
# that say what is measured the sweep ends after 150 s, whatever the machine (--time).
#
#   RANKS=4 scripts/run.sh --tokens 16,64 --load balanced
#
# Exit status: the sweep's (0 fine, 2 bad arguments, 3 a rank failed, 4 a wrong result), 1 set-up.
# shellcheck source=scripts/setup.sh
source "$(dirname -- "${BASH_SOURCE[0]}")/setup.sh"
# shellcheck source=scripts/running.sh
source "$root/scripts/running.sh"

preset=host
wrapper=() # what mpirun runs under
own=()     # options of the program that the machine asks for

# -q because mpirun comments on every status, at greater length than the program.
launch() {
    local status=0
    run_to_end "${wrapper[@]}" mpirun -q -n "$ranks" "${binding[@]}" "$program" "${own[@]}" "$@" ||
        status=$?
    if [[ -n $stopped ]]; then
        say "stopped by a signal"
    elif [[ $status != [0234] ]]; then
        say "error: mpirun ended with status $status$(signal_name "$status"); without -q it tells" \
            "more: mpirun -n $ranks ${binding[*]} $program $*"
    fi
    return "$status"
}

# A chart that cannot be drawn does not make the numbers wrong: only said.
draw_charts() {
    local start=$SECONDS
    if [[ -z $python ]]; then
        say "warning: no charts: Python packages missing (see $root/build/python.log)"
    elif quietly "$root/build/plot.log" "$python" "$root/scripts/plot.py" "$1" --out "$2"; then
        say "charts: $((SECONDS - start)) s"
        echo "charts:  $2"
    else
        say "warning: no charts: plot.py failed, see $root/build/plot.log"
    fi
}

# Sets preset: GPUs are used where they are seen, the build can be had, and nobody said otherwise.
choose_backend() {
    local missing
    if [[ " $* " == *" --backend host "* || " $* " == *" --backend=host "* || $(gpus) == 0 ]]; then
        return
    fi
    missing=$(missing_for_cuda)
    if [[ -n $missing ]]; then
        say "warning: $(gpus) GPU(s) are here and not used; missing: $missing"
        return
    fi
    preset=cuda
}

# Sets ranks and binding for one rank on each GPU. One rank alone has nobody to exchange rows with.
choose_gpu_ranks() {
    local available
    available=$(gpus)
    if ((available > 8)); then available=8; fi
    ranks=${RANKS:-$((available > 1 ? available : 4))}
    binding=(--bind-to none)
    if ((ranks > $(cores))); then binding+=(--oversubscribe); fi
    if ((ranks <= available)); then
        say "ranks: $ranks, one for each GPU"
        return
    fi
    own=(--share-gpu)
    wrapper=("$root/scripts/share_gpu.sh" --)
    say "ranks: $ranks on $available GPU(s), which they share: results are checked, but times say" \
        "nothing about an interconnect"
}

# Whether options say nothing of what is measured, only where results go and how it is watched.
is_default_sweep() {
    while (($#)); do
        case $1 in
            --out | --csv | --progress | --backend | --timeout) shift ;;
            --out=* | --csv=* | --progress=* | --backend=* | --timeout=* | --resume) ;;
            *) return 1 ;;
        esac
        shift || true
    done
}

# Columns of the terminal that stderr is: mpirun hides it from the program.
columns() {
    local size
    size=$(stty size <&2 2>/dev/null) || size='24 80'
    echo "${size#* }"
}

main() {
    local options=() status=0 start
    read_options "$@"
    if ! [[ ${RANKS:-1} =~ ^[1-9][0-9]{0,3}$ ]]; then
        say "error: RANKS=$RANKS is not a number of ranks"
        exit 2
    fi
    setup_packages
    setup_python
    choose_backend "$@"
    program=$root/build/$preset/bench/bench_moe_comm
    step build "$root/build/$preset/build.log" build "$preset" bench_moe_comm
    if [[ $preset == cuda ]]; then choose_gpu_ranks; else choose_ranks; fi

    if [[ -z $out$csv ]]; then
        out=$(results_stem)
        options+=(--out "$out")
    fi
    if [[ -z $progress ]]; then
        options+=(--progress "$([[ -t 2 ]] && echo bar || echo plain)")
    fi
    if [[ -t 2 ]]; then COLUMNS=$(columns) && export COLUMNS; fi
    if is_default_sweep "$@"; then options+=(--time 150); fi
    start=$SECONDS
    launch "${options[@]}" "$@" || status=$?

    csv=${csv:-$out/results.csv}
    out=${out:-$(dirname -- "$csv")}
    # Help and lists leave no table behind, bad arguments nothing new.
    if [[ ! -s $csv || $status == 2 ]]; then exit "$status"; fi
    say "sweep: $((SECONDS - start)) s"
    if ((status == 0 || status == 4)); then draw_charts "$csv" "$out/plots"; fi
    echo "results: $csv"
    exit "$status"
}

main "$@"
