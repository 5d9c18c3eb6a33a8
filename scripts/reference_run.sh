#!/usr/bin/env bash
# Measures a whole machine, those things first that answer most: the collectives by themselves, every
# strategy over sizes, loads, graphs, CTAs and DP ranks, beside GEMMs, with late ranks, all gathers,
# and the kernels of serving engines. Ends with crossovers, charts and a report.
#
#   scripts/reference_run.sh
#   scripts/reference_run.sh --minutes 25 --out DIR -- mpirun -n 8
#   scripts/reference_run.sh --minutes 25 --out DIR --resume -- mpirun -n 8
#
# Says what each part takes before the first begins: of the programs without dry runs it is a guess.
# A sweep has three launches; all parts have had one before any has its second. --minutes: ends
# after so many minutes of measuring. --out DIR: where everything goes
# (results/local/<time>-<host>-reference). --resume: goes on in --out, also after a kill: what is
# finished there is not run again. --parts LIST: only those, by name. --dry-run: says the minutes,
# measures and keeps nothing. What follows a -- starts the ranks, in place of mpirun with one for
# each GPU, or for each core. Other options are the program's, and hold in every sweep, such as
# --scale-experts 16.
#
# DIR: machine.txt, and for each part NAME/results.csv or NAME.txt, and NAME.log.
# BENCH_MOE_COMM: a program that is there already; nothing is set up or built then.
#
# Exit status: 0, also where --minutes ended it; 1 where this machine cannot run it (doctor.sh) or a
# part failed, which did not keep the others from running; 2 for bad arguments; that of the launcher
# after a signal.
# shellcheck source=scripts/setup.sh
source "$(dirname -- "${BASH_SOURCE[0]}")/setup.sh"
# shellcheck source=scripts/running.sh
source "$root/scripts/running.sh"
# shellcheck source=scripts/parts.sh
source "$root/scripts/parts.sh"

usage="usage: scripts/reference_run.sh [--minutes N] [--parts LIST] [--out DIR [--resume]] [--dry-run] [-- LAUNCHER...]"
most_launches=0 # of any part
parts=()    # by name
launches=() # of each
seconds=()  # of the only launch of each, guessed; 0: a dry run says it
whats=()    # what each is
failed=()   # names of parts
deadline=   # in SECONDS; empty: none
over=       # whether a launch was ended at the deadline

# Sets parts, launches, seconds and whats; says which parts are left out, and why.
make_plan() {
    local ranks lines name count about text
    choose_launcher "${given[@]}"
    ranks=$("${launcher[@]}" sh -c 'echo rank' 2>/dev/null </dev/null | grep -cx rank) ||
        refuse "the launcher starts no ranks: ${launcher[*]}"
    lines=$("$python" "$root/scripts/reference_plan.py" "$folder" --program "$program" \
        --backend "$preset" --ranks "$ranks" "${options[@]}" "${own[@]}" -- "${launcher[@]}") ||
        exit 2
    while read -r name count about text; do
        if ((count == 0)); then
            say "$name: left out, $text"
            continue
        fi
        parts+=("$name") launches+=("$count") seconds+=("$about") whats+=("$text")
    done <<<"$lines"
}

# is_finished I INDEX: whether launch I of a part has ended well, now or in an earlier run.
is_finished() { grep -qsxF "${parts[$2]} $1" "$folder/finished"; }

# price INDEX: sets about to the seconds of a launch of a part, by a dry run that is asked once, or why
# to the reason why nothing of it can run.
price() {
    local said file=$folder/${parts[$1]}.seconds
    about=${seconds[$1]} why=''
    if ((about)); then return; fi
    if [[ ! -e $file ]]; then
        ask "${parts[$1]}"
        if why=$(why_nothing_runs "$said"); then return; fi
        seconds_of_text "$(sed -n 's/.* about \(.*\) unless .*/\1/p' <<<"$said")" >"$file"
    fi
    about=$(<"$file")
}

# Says what is left to do, and how long that takes; leaves out what cannot run.
price_parts() {
    local p i about why left each sum=0 guessed=0 guess=
    for p in "${!parts[@]}"; do
        price "$p"
        if [[ -n $why ]]; then
            say "${parts[p]}: left out, $why"
            launches[p]=0
            continue
        fi
        left=0
        for ((i = 1; i <= launches[p]; i++)); do
            if ! is_finished "$i" "$p"; then left=$((left + 1)); fi
        done
        if ((left)); then
            each="about $(time_text "$about")"
            if ((seconds[p])); then
                each="perhaps $(time_text "$about")"
                guessed=$((guessed + about))
            elif ((left > 1)); then
                each="$left launches of $each each"
            fi
            tell "${parts[p]}: $each, ${whats[p]}"
        else
            tell "${parts[p]}: finished"
        fi
        sum=$((sum + left * about))
        if ((launches[p] > most_launches)); then most_launches=${launches[p]}; fi
    done
    ((most_launches)) || refuse "nothing is left to measure"
    if ((guessed)); then guess=", $(time_text "$guessed") of that a guess"; fi
    tell "together: about $(time_text "$sum")$guess${minutes:+; ends after $minutes min (--minutes)}"
}

# What machine, links and libraries these are, once for each folder.
describe_machine() {
    local file=$folder/machine.txt
    if [[ -e $file ]]; then return; fi
    {
        "$root/scripts/doctor.sh" || true
        if [[ $preset == cuda ]]; then nvidia-smi topo -m || true; fi
        "$program" --version || true
    } >"$file" 2>&1 </dev/null
}

# run_launch I INDEX: a launch of a sweep into its set; or the only one of another program, whose file
# is there when it has ended well. Sets status.
run_launch() {
    local name=${parts[$2]} command limit=()
    if [[ -n $deadline ]]; then limit=(timeout $((deadline - SECONDS))); fi
    command_of "$name"
    status=0
    if ((launches[$2] > 1)); then
        quiet_run "$folder/$name.log" "${limit[@]}" "$root/scripts/launches.sh" --resume \
            "$1/${launches[$2]}" -- "${command[@]}" || status=$?
    elif run_to_end "${limit[@]}" "${command[@]}" >"$folder/$name.part" 2>"$folder/$name.log"; then
        mv -- "$folder/$name.part" "$folder/$name.txt"
    else
        status=$?
    fi
    if [[ -n $deadline && $status == 124 ]]; then over=1; fi # timeout's
}

is_over() { [[ -n $over ]] || { [[ -n $deadline ]] && ((SECONDS >= deadline)); }; }

# launch_part I INDEX: launch I of a part, from 1 on, unless it is finished or the part has failed.
# Fails where the time is over.
launch_part() {
    local name=${parts[$2]} status what="launch $1 of ${launches[$2]}: ${parts[$2]}"
    if (($1 > launches[$2])) || [[ " ${failed[*]} " == *" $name "* ]] || is_finished "$@"; then return; fi
    if is_over; then return 1; fi
    say "$what"
    run_launch "$@"
    if [[ -n $stopped ]]; then
        say "stopped in $what; $again"
        exit $((status ? status : 130))
    elif ((status == 0)); then
        echo "$name $1" >>"$folder/finished"
    elif [[ -n $over ]]; then
        return 1
    else
        failed+=("$name")
        say "error: $what ended with status $status$(signal_name "$status"): see $folder/$name.log"
    fi
}

# Fails where the time was over before all was done.
launch_all() {
    local i p
    for ((i = 1; i <= most_launches; i++)); do
        for p in "${!parts[@]}"; do launch_part "$i" "$p" || return; done
    done
}

# Of what there is by now: crossovers, a report, and charts of each set.
draw() {
    local name table tables=()
    for name in "${parts[@]}"; do
        table=$folder/$name/results.csv
        if [[ -s $table ]]; then tables+=("$table"); fi
    done
    if ((${#tables[@]} == 0)); then return; fi
    "$python" "$root/scripts/crossover.py" "${tables[@]}" >"$folder/crossovers.txt" \
        2>"$folder/crossovers.log" || say "no crossovers: $(<"$folder/crossovers.log")"
    draw_report "${tables[@]}"
    for table in "${tables[@]}"; do
        name=${table%/results.csv}
        quietly "$folder/plots.log" "$python" "$root/scripts/plot.py" "$table" \
            --out "$folder/plots/${name##*/}" --format svg ||
            say "no charts of ${name##*/}: $(tail -n 1 -- "$folder/plots.log")"
    done
}

main() {
    local again name
    outlive_terminal
    read_arguments reference "$@"
    prepare
    build_collectives
    open_folder
    make_plan
    price_parts
    keep_folder
    again="the same command with --resume --out $folder goes on"
    describe_machine
    if [[ -n $minutes ]]; then deadline=$((SECONDS + 60 * minutes)); fi
    launch_all || say "the $minutes minutes are over; $again"
    draw
    tell "results: $folder"
    for name in "${failed[@]}"; do say "error: $name failed: see $folder/$name.log; $again"; done
    ((${#failed[@]} == 0))
}

main "$@"; exit # nothing of a file that is replaced meanwhile is read
