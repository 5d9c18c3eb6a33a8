# Shared by decide.sh and reference_run.sh, which launch the parts of a plan: a folder with plan.json
# and, for each part, its command in NAME.words. Sourced after setup.sh and running.sh.
# shellcheck shell=bash disable=SC2034,SC2154

folder=    # of the plan and of all results
resume=()
dry=
minutes=   # of measuring; empty: no limit
options=() # what is not read here
given=()   # what starts the ranks, if somebody said so

# read_arguments KIND ARGUMENT...: without an --out, folder is named after the KIND of run.
read_arguments() {
    local kind=$1
    shift
    while (($#)) && [[ $1 != -- ]]; do
        case $1 in
            --dry-run) dry=1 ;;
            --resume) resume=(--resume) ;;
            --minutes | --out)
                [[ ${2:---} != -- ]] || refuse "$1 wants a value"
                if [[ $1 == --out ]]; then folder=$2; else read_minutes "$2"; fi
                shift ;;
            -h | --help) print_help && exit ;;
            *) options+=("$1") ;;
        esac
        shift
    done
    if [[ ${1:-} == -- && $# == 1 ]]; then
        refuse "no launcher after --, such as: -- mpirun -n 8"
    fi
    given=("${@:2}")
    check_launcher "${given[@]}"
    if [[ ${#resume[@]} -gt 0 && ! -e $folder/plan.json ]]; then
        refuse "--resume: --out names no folder of an earlier run"
    elif [[ ${#resume[@]} -eq 0 && -e $folder/plan.json ]]; then
        refuse "$folder holds a run already (--resume goes on with it)"
    fi
    folder=${folder:-$(results_stem)-$kind}
}

read_minutes() {
    minutes=$1
    if ! [[ $minutes =~ ^[1-9][0-9]{0,3}$ ]]; then
        refuse "--minutes '$minutes' is not a whole number from 1 to 9999"
    fi
}

# Sets python, preset and program: that of BENCH_MOE_COMM where it is set, else it is built.
prepare() {
    choose_backend "${options[@]}"
    if [[ -n ${BENCH_MOE_COMM:-} ]]; then
        program=$BENCH_MOE_COMM
        python=$(command -v python3) || die "no python3 here"
        return
    fi
    setup_packages
    setup_python
    need_python
    "$root/scripts/doctor.sh" >&2 || exit
    program=$root/build/$preset/bench/bench_moe_comm
    step build "$root/build/$preset/build.log" build "$preset" bench_moe_comm
}

# Beside the program that prepare built, unless that build lacks what micro-benchmarks need.
build_collectives() {
    if [[ -n ${BENCH_MOE_COMM:-} ]] || ((${#lean[@]})); then return; fi
    step "build of bench_collectives" "$root/build/$preset/build-collectives.log" \
        build "$preset" bench_collectives
}

# Of a dry run, and of a plan that turns out to be none, nothing is left.
open_folder() {
    if ((${#resume[@]})); then return; fi
    if [[ -n $dry ]]; then folder=$(mktemp -d); fi
    trap forget_plan EXIT
}

# Ends a dry run; of any other run the folder stays from here on.
keep_folder() {
    if [[ -n $dry ]]; then exit; fi
    trap - EXIT
}

# shellcheck disable=SC2317 # a trap calls it
forget_plan() {
    rm -f -- "$folder"/plan.json "$folder"/*.words "$folder"/*.cases "$folder"/*.seconds
    rmdir -- "$folder" 2>/dev/null || true
}

# command_of PART: sets command.
command_of() { mapfile -d '' -t command <"$folder/$1.words"; }

# ask PART OPTION...: sets said to what a dry run of a part says; ends all where it cannot be.
ask() {
    local status=0 command
    command_of "$1"
    said=$("${command[@]}" "${@:2}" --dry-run 2>&1 </dev/null) || status=$?
    if ((status)) && [[ $said != *' is this question '* ]]; then
        say "$said"
        exit "$status"
    fi
}

# why_nothing_runs SAID: of a dry run that found no case to run; else it fails.
why_nothing_runs() {
    if grep -m1 ' is this question ' <<<"$1"; then return; fi
    grep -q '^0 of ' <<<"$1" && echo "no case can run: $(sed -n 's/ *cannot run: //p' <<<"$1" | sed 1q)"
}

# quiet_run LOG COMMAND...: run_to_end, what it says into the log.
quiet_run() {
    local log=$1
    shift
    run_to_end "$@" >>"$log" 2>&1
}

# draw_report TABLE...: beside the rest; where it cannot be drawn, that is only said.
draw_report() {
    local log=$folder/report.log
    if quietly "$log" "$python" "$root/scripts/plot.py" "$@" --out "$folder" --format html; then
        tell "report:  $folder/report.html"
    else
        say "no report.html: $(tail -n 1 -- "$log")"
    fi
}
