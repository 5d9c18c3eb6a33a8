#!/usr/bin/env bash
# Builds the benchmark and runs its sweep with one rank for each core, 2 to 8; results and charts
# go to results/local/<time>-<host>/. Options are the program's (see --help); a --out, --csv or
# --progress among them is used instead of this script's own.
#
#   RANKS=4 scripts/run.sh --tokens 16,64 --load balanced
#
# Exit status: the sweep's (0 fine, 2 bad arguments, 3 a rank failed, 4 a wrong result), 1 set-up.
# shellcheck source=scripts/setup.sh
source "$(dirname -- "${BASH_SOURCE[0]}")/setup.sh"
# shellcheck source=scripts/running.sh
source "$root/scripts/running.sh"

program=$root/build/host/bench/bench_moe_comm

# -q because mpirun comments on every status, at greater length than the program.
launch() {
    local status=0
    run_to_end mpirun -q -n "$ranks" "${binding[@]}" "$program" "$@" || status=$?
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

main() {
    local options=() status=0 start
    read_options "$@"
    if ! [[ ${RANKS:-1} =~ ^[1-9][0-9]{0,3}$ ]]; then
        say "error: RANKS=$RANKS is not a number of ranks"
        exit 2
    fi
    setup_packages
    setup_python
    step build "$root/build/host/build.log" build host bench_moe_comm
    choose_ranks

    if [[ -z $out$csv ]]; then
        out=$(results_stem)
        options+=(--out "$out")
    fi
    if [[ -z $progress ]]; then
        options+=(--progress "$([[ -t 2 ]] && echo bar || echo plain)")
    fi
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
