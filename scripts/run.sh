#!/usr/bin/env bash
# Builds the benchmark and runs its sweep on what this machine has: with one rank for each GPU where
# there are GPUs (a single one is shared by 4 ranks, under MPS), else with one rank for each core, 2
# to 8. Results and charts go to results/local/<time>-<host>/. Options are the program's, which
# bench/README.md explains and bench_moe_comm --help lists; a --out, --csv or --progress among them is
# used instead of this script's own. Without any that say what is measured the sweep ends after 150 s,
# whatever the machine (--time). What follows a -- is the launcher, with its options, in place of
# mpirun on so many ranks.
#
#   RANKS=4 scripts/run.sh --tokens 16,64 --load balanced
#   scripts/run.sh --tokens 16,64 -- srun --mpi=pmix -K -n 8
#
# Exit status: the sweep's (0 fine, 2 bad arguments, 3 a rank failed, 4 a wrong result), 1 set-up.
# shellcheck source=scripts/setup.sh
source "$(dirname -- "${BASH_SOURCE[0]}")/setup.sh"
# shellcheck source=scripts/running.sh
source "$root/scripts/running.sh"

options=()  # the program's
given=()    # what starts its ranks, if somebody said so

# Sets options and given.
read_arguments() {
    while (($#)) && [[ $1 != -- ]]; do
        if [[ $1 == -h || $1 == --help ]]; then print_help && exit; fi
        options+=("$1")
        shift
    done
    given=("${@:2}")
    if (($# == 1)); then refuse "no launcher after --, such as: -- srun --mpi=pmix -n 8"; fi
    check_launcher "${given[@]}"
}

# launch OPTION...; said here how to go on, because a launcher that is told to end may lose what the
# program says last.
launch() {
    local status=0 hint='' again
    run_to_end "${launcher[@]}" "$program" "${own[@]}" "$@" || status=$?
    if [[ -n $stopped ]]; then
        if [[ " $* " != *' --resume '* ]]; then set -- --resume "$@"; fi
        if ((${#given[@]})); then set -- "$@" -- "${given[@]}"; fi
        printf -v again ' %q' "$@"
        say "stopped by a signal; to go on:${RANKS:+ RANKS=$RANKS} scripts/run.sh$again"
        return $((status ? status : 130))
    elif [[ $status != [0234] ]]; then
        if [[ " ${launcher[*]} " == *' -q '* ]]; then hint="; without -q it tells more"; fi
        say "error: the launcher ended with status $status$(signal_name "$status")$hint:" \
            "${launcher[*]} $program $*"
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
        tell "charts:  $2"
        if [[ -e $2/report.html ]]; then tell "report:  $2/report.html"; fi
    else
        say "warning: no charts: plot.py failed, see $root/build/plot.log"
    fi
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
    local chosen=() status=0 start installing
    outlive_terminal
    read_arguments "$@"
    read_options "${options[@]}"
    setup_packages
    # Beside the build: charts are the first to want it.
    python=$root/.venv/bin/python
    install_python &
    installing=$!
    choose_backend "${options[@]}"
    program=$root/build/$preset/bench/bench_moe_comm
    step build "$root/build/$preset/build.log" build "$preset" bench_moe_comm
    wait "$installing" || true
    find_python
    choose_launcher "${given[@]}"

    if [[ -z $out$csv ]]; then
        out=$(results_stem)
        chosen+=(--out "$out")
    fi
    if [[ -z $progress ]]; then
        chosen+=(--progress "$([[ -t 2 ]] && echo bar || echo plain)")
    fi
    if [[ -t 2 ]]; then COLUMNS=$(columns) && export COLUMNS; fi
    if is_default_sweep "${options[@]}"; then options+=(--time 150); fi
    start=$SECONDS
    launch "${chosen[@]}" "${options[@]}" || status=$?

    csv=${csv:-$out/results.csv}
    out=${out:-$(dirname -- "$csv")}
    # Lists leave no table behind, bad arguments nothing new.
    if [[ ! -s $csv || $status == 2 ]]; then exit "$status"; fi
    say "sweep: $((SECONDS - start)) s"
    if ((status == 0 || status == 4)); then draw_charts "$csv" "$out/plots"; fi
    tell "results: $csv"
    exit "$status"
}

main "$@"
