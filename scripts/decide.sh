#!/usr/bin/env bash
# Says which value of an engine's flag is worth setting on this machine, for your own model and
# steps: launches short sweeps in turns, prices every value, and ends with a verdict.
#
#   scripts/decide.sh --model NAME --steps FILE [--step-ms MS] [--minutes 25] -- mpirun -n 8
#   scripts/decide.sh --model NAME --traffic isl=4000,osl=1000,conc=512
#
# Without --steps and --traffic: synthetic traffic, of a size for GPUs or for cores. What follows a --
# starts the ranks, in place of mpirun with one for each GPU, or for each core.
#
# --step-ms: how long a step takes, MS or prefill=MS,decode=MS (as --steps says it). --engine NAME:
# whose flag (that of the steps, else the newest SGLang). --minutes: of measuring. --out DIR: where
# everything goes (results/local/<time>-<host>-decide). --resume: go on in --out, without the launches
# that ended well in as much time. --dry-run: say the minutes of each part, measure and keep nothing.
# Other options are the program's, such as --scale-experts.
#
# DIR/verdict.md and verdict.json are there, provisionally, after the first of seven launches.
# BENCH_MOE_COMM: a program that is there already; nothing is set up or built then.
#
# Exit status: 0; 1 where this machine cannot run it (doctor.sh), 2 for bad arguments, or that of
# the launch that failed.
# shellcheck source=scripts/setup.sh
source "$(dirname -- "${BASH_SOURCE[0]}")/setup.sh"
# shellcheck source=scripts/running.sh
source "$root/scripts/running.sh"
# shellcheck source=scripts/parts.sh
source "$root/scripts/parts.sh"

usage="usage: scripts/decide.sh --model NAME [--steps FILE|--traffic TEXT] [--step-ms MS] [--minutes N] [-- LAUNCHER...]"
launches=7
minutes=25
parts=()   # by name
weights=() # of each in the time
groups=()  # of each; the parts of one are compared case by case
cases=()   # of each, that its steps are grouped into

# Sets parts, weights and groups.
make_plan() {
    local lines name weight group traffic=isl=4000,osl=1000,conc=512
    # Cores take seconds for what GPUs do in milliseconds.
    if [[ $preset == host ]]; then traffic=isl=128,osl=64,conc=32,chunk=256; fi
    if ! [[ " ${options[*]} " =~ ' --'(steps|traffic)[\ =] ]]; then
        say "neither --steps nor --traffic: synthetic traffic $traffic"
        options+=(--traffic "$traffic")
    fi
    choose_launcher "${given[@]}"
    lines=$("$python" "$root/scripts/decide_plan.py" "$folder" --program "$program" \
        --backend "$preset" --minutes "$minutes" "${options[@]}" "${own[@]}" -- "${launcher[@]}") || exit 2
    while read -r name weight group; do
        parts+=("$name")
        weights+=("$weight")
        groups+=("$group")
    done <<<"$lines"
}

# seconds_of INDEX: of one launch of a part.
seconds_of() {
    local sum=0 weight seconds
    for weight in "${weights[@]}"; do ((sum += weight)); done
    seconds=$((minutes * 60 * weights[$1] / (launches * sum)))
    echo $((seconds > 1 ? seconds : 1))
}

# keep_parts INDEX...: leaves out the others.
keep_parts() {
    local i kept=() kept_weights=() kept_groups=() kept_cases=()
    (($#)) || refuse "nothing is left to measure"
    for i in "$@"; do
        kept+=("${parts[i]}") kept_weights+=("${weights[i]}") kept_groups+=("${groups[i]}")
        kept_cases+=("${cases[i]:-}")
    done
    parts=("${kept[@]}") weights=("${kept_weights[@]}") groups=("${kept_groups[@]}")
    cases=("${kept_cases[@]}")
}

# Leaves out the parts of which there are no steps, and those that cannot run here.
drop_empty_parts() {
    local i said why phase kept=()
    local -A no_steps=()
    for i in "${!parts[@]}"; do
        phase=${parts[i]%%-*}
        if [[ -n ${no_steps[$phase]:-} ]]; then continue; fi
        ask "${parts[i]}" --step-cases 1
        if why=$(why_nothing_runs "$said"); then
            if [[ $said == *' is this question '* ]]; then
                no_steps[$phase]=1
                say "$phase: $why"
            else
                say "${parts[i]}: $why"
            fi
        else
            kept+=("$i")
        fi
    done
    keep_parts "${kept[@]}"
}

# ask_cases INDEX CASES: sets said to a dry run of a part whose steps are grouped into so many.
ask_cases() { ask "${parts[$1]}" --step-cases "$2" --time $(($(seconds_of "$1") * 2 / 3 + 1)); }

# fit_cases INDEX MOST: sets said, and most to the cases, MOST or fewer, that fit into a part's time; to
# 0 where none does. Launches of one part are of the same cases, also of a run that goes on. What the
# last dry run left out is not asked for again: each starts all ranks anew, which takes GPUs seconds.
fit_cases() {
    local chosen=$folder/${parts[$1]}.cases fitting=$2 all left_out
    for most in $(cat -- "$chosen" 2>/dev/null || echo 24 12 6 3 2 1); do
        if ((most > fitting)); then continue; fi
        ask_cases "$1" "$most"
        if [[ $said != *' will not fit '* ]]; then return; fi
        # Each may be several of the sweep's cases, such as one for each --skew.
        read -r all left_out < <(sed -n \
            's/.* of \([0-9]*\) cases can run.* \([0-9]*\) of them will not fit .*/\1 \2/p' <<<"$said")
        fitting=$((most * (${all:-1} - ${left_out:-0}) / ${all:-1}))
        if ((fitting < 1)); then fitting=1; fi
    done
    if [[ ${groups[$1]} == *-beside ]]; then
        say "${parts[$1]}: not priced beside compute: not even one case fits; more --minutes are wanted"
        most=0
    else
        say "warning: ${parts[$1]}: not even one case fits; more --minutes or --scale-experts are wanted"
    fi
}

# Sets cases: into how many the steps of a part may be grouped to fit into its time, and that of the
# others of its group.
choose_cases() {
    local i said most fewest summary kept=() summaries=()
    local -A of_group=()
    for i in "${!parts[@]}"; do
        fit_cases "$i" "${of_group[${groups[i]}]:-24}"
        if ((most == 0)); then
            weights[i]=0
            continue
        fi
        set_cases "$i" "$most"
        kept+=("$i")
        of_group[${groups[i]}]=$most
    done
    for i in "${kept[@]}"; do
        fewest=${of_group[${groups[i]}]}
        if ((cases[i] > fewest)); then
            ask_cases "$i" "$fewest"
            set_cases "$i" "$fewest"
        fi
        summary=${summaries[i]/ Nothing was */}
        tell "${parts[i]}: $(time_text $((launches * $(seconds_of "$i")))) in $launches launches, steps" \
            "in $fewest case(s); $summary"
    done
    tell "together: $(time_text $((60 * minutes))) of measuring; setting up and checking each launch come on top"
    keep_parts "${kept[@]}"
}

# set_cases INDEX CASES: sets those of a part, and its summary to what the dry run said.
set_cases() {
    cases[$1]=$2
    summaries[$1]=$(grep ' cases can run' <<<"$said" || true)
    echo "$2" >"$folder/${parts[$1]}.cases"
}

# is_tried I INDEX: whether launch I of a part has ended well in as much time as it would get now, in
# which the cases that it left out would not fit either.
is_tried() {
    local name launch had
    while read -r name launch had; do
        if [[ $name == "${parts[$2]}" ]] && ((launch == $1 && had >= $(seconds_of "$2"))); then return; fi
    done < <(cat -- "$folder/finished" 2>/dev/null)
    return 1
}

# launch_part I INDEX: launch I, from 1 on, of a part, unless it has been tried.
launch_part() {
    local status=0 command
    if is_tried "$@"; then return; fi
    command_of "${parts[$2]}"
    say "launch $1 of $launches: ${parts[$2]}"
    quiet_run "$folder/${parts[$2]}.log" "${command[@]}" --launch "$1/$launches" --resume \
        --step-cases "${cases[$2]}" --time "$(seconds_of "$2")" --progress none || status=$?
    if ((status)) || [[ -n $stopped ]]; then give_up "$1" "${parts[$2]}" "$status"; fi
    echo "${parts[$2]} $1 $(seconds_of "$2")" >>"$folder/finished"
}

# give_up I NAME STATUS: ends all after a launch that did not end well.
give_up() {
    say "error: launch $1 of $2 ended with status $3$(signal_name "$3"): see $folder/$2.log; the" \
        "same command with --resume --out $folder goes on"
    exit "$(($3 ? $3 : 130))"
}

# time_all_reduce I: the engine's own all-reduce and our stand-in, beside launch I. What cannot be
# timed is for the verdict to say.
time_all_reduce() {
    local name command
    if [[ $preset != cuda || -e $folder/anchor-$1.txt ]]; then return; fi
    "$python" "$root/scripts/decide_anchor.py" "$folder" "$1" --program "$program" || exit
    if [[ ! -e $folder/anchor.words || -e $folder/anchor-$1.txt ]]; then return; fi
    say "launch $1 of $launches: the engine's own all-reduce"
    for name in stand-in anchor; do
        command_of "$name"
        : >"$folder/$name.log"
        quiet_run "$folder/$name.log" "${command[@]}" || true
        if [[ -n $stopped ]]; then give_up "$1" "$name" 130; fi
    done
    mv -- "$folder/anchor.log" "$folder/anchor-$1.txt"
}

main() {
    local i p count tables=()
    outlive_terminal
    read_arguments decide "$@"
    prepare
    # For the engine's own all-reduce; where it cannot be built, the verdict says so.
    if [[ $preset == cuda ]]; then (build_collectives) || true; fi
    open_folder
    make_plan
    drop_empty_parts
    choose_cases
    keep_folder
    count=${#parts[@]}
    for ((i = 1; i <= launches; i++)); do
        for ((p = 0; p < count; p++)); do
            # Back and forth, so that none is always the first.
            launch_part "$i" "$((i % 2 ? p : count - 1 - p))"
        done
        time_all_reduce "$i"
        if ((i == 1 || i == launches)); then
            "$python" "$root/scripts/verdict.py" "$folder"
        fi
    done
    for p in "${parts[@]}"; do tables+=("$folder/$p/results.csv"); done
    draw_report "${tables[@]}"
    tell "verdict: $folder/verdict.md"
}

main "$@"; exit # nothing of a file that is replaced meanwhile is read
