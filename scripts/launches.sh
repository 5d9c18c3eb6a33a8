#!/usr/bin/env bash
# K launches of a sweep into one results set, with the cells in another order in each of them; or
# of several sweeps in turns (old, new, new, old, ...), which is what check_regression.py wants.
#
#   scripts/launches.sh [--resume] K -- mpirun ... bench_moe_comm ... [-- mpirun ...]...
#
#   scripts/launches.sh 7 -- mpirun -n 2 build/host/bench/bench_moe_comm --tokens 64
#   scripts/launches.sh 7 -- mpirun ... OLD --out old -- mpirun ... NEW --out new
#
# I/K in place of K takes launch I alone, such as in a job of its own.
#
# --launch I/K is appended to each command, and --out results/local/<time>-<host> to a single one
# that names no place. --resume goes on with a series that was stopped. Exit status: 0, 2 for bad
# arguments, or that of the launch that failed.
# shellcheck source=scripts/setup.sh
source "$(dirname -- "${BASH_SOURCE[0]}")/setup.sh"
# shellcheck source=scripts/running.sh
source "$root/scripts/running.sh"

usage="usage: scripts/launches.sh [--resume] K|I/K -- mpirun ... [-- mpirun ...]..."
most_launches=1000
launches=
asked=  # K or I/K, as it was typed
first=1 # the launches to take are first to last
last=
resume=()
# All commands one after the other; command i is words[starts[i]] to words[starts[i + 1] - 1].
words=()
starts=()
# Launches that have ended, those of them that wrote rows, and the seconds that these took.
ended=0 measured=0 spent=0

read_arguments() {
    while (($#)) && [[ $1 != -- ]]; do
        case $1 in
            --resume) resume=(--resume) ;;
            -h | --help) print_help && exit ;;
            -*) refuse "no option $1" ;;
            *) [[ -z $asked ]] || refuse "two numbers of launches, $asked and $1"
                asked=$1 ;;
        esac
        shift
    done
    read_launches
    (($#)) || refuse "no command after --"
    while (($#)); do
        if [[ $1 == -- ]]; then
            starts+=("${#words[@]}")
        else
            words+=("$1")
        fi
        shift
    done
    starts+=("${#words[@]}")
}

# Sets launches, first and last.
read_launches() {
    local number='[1-9][0-9]{0,3}'
    [[ -n $asked ]] || refuse "no number of launches"
    launches=${asked#*/}
    last=$launches
    if [[ $asked == */* ]]; then first=${asked%%/*} last=$first; fi
    if ! [[ $launches =~ ^$number$ && $first =~ ^$number$ ]] || ((launches > most_launches)); then
        refuse "'$asked' is not a number of launches from 1 to $most_launches"
    elif ((first > launches)); then
        refuse "'$asked': there is no launch $first of $launches"
    fi
}

# command_of I: sets command to the I-th one, from 0 on, and table to the CSV that it writes.
command_of() {
    command=("${words[@]:starts[$1]:starts[$1 + 1] - starts[$1]}")
    read_options "${command[@]}"
    table=${csv:-${out:+$out/results.csv}}
}

# Every command has a table of its own, and starts it unless it is to be resumed.
check_commands() {
    local i tables=() count=$((${#starts[@]} - 1))
    for ((i = 0; i < count; i++)); do
        command_of "$i"
        ((${#command[@]})) || refuse "no command after --"
        if [[ -z $table ]] && ((count > 1)); then
            refuse "each of several commands needs an --out of its own: ${command[*]}"
        elif [[ -z $table && ${#resume[@]} -gt 0 ]]; then
            refuse "--resume needs to know with what: no --out in: ${command[*]}"
        elif [[ -z $table ]]; then
            table=$(results_stem)/results.csv
            words+=(--out "${table%/*}")
            starts[count]=${#words[@]}
        fi
        table=$(realpath -m -- "$table")
        [[ " ${tables[*]} " != *" $table "* ]] || refuse "two commands write to $table"
        if [[ -s $table && ${#resume[@]} -eq 0 ]]; then
            refuse "$table is there already (--resume goes on with it)"
        fi
        tables+=("$table")
    done
}

size_of() { stat -c %s -- "$1" 2>/dev/null || echo 0; }

# What the rest will take: as long each as those that wrote rows (a launch that is resumed and was
# whole takes no time). Nothing before there is one.
time_left() {
    local left=$(((last - first + 1) * (${#starts[@]} - 1) - ended))
    if ((measured)); then echo " (about $(time_text $((spent * left / measured))) left)"; fi
}

# one_launch I COMMAND: launch I, from 1 on, of the COMMAND-th command, from 0 on.
one_launch() {
    local status=0 command again size start=$SECONDS what="launch $1 of $launches"
    command_of "$2"
    if ((${#starts[@]} > 2)); then what+=" into ${table%/results.csv}"; fi
    say "$what$(time_left)"
    size=$(size_of "$table")
    run_to_end "${command[@]}" --launch "$1/$launches" "${resume[@]}" || status=$?
    ended=$((ended + 1))
    if (($(size_of "$table") > size)); then
        measured=$((measured + 1)) spent=$((spent + SECONDS - start))
    fi
    if ((status == 0)) && [[ -z $stopped ]]; then return; fi
    printf -v again ' %q' scripts/launches.sh "$asked" --resume "${all[@]}"
    if [[ -n $stopped ]]; then
        say "stopped in $what; to go on:$again"
        exit $((status ? status : 130))
    fi
    if ((status == 2)); then again=''; fi # bad arguments stay bad
    say "error: $what ended with status $status$(signal_name "$status")${again:+; to go on:$again}"
    exit "$status"
}

main() {
    local all=() i c count
    outlive_terminal
    read_arguments "$@"
    check_commands
    count=$((${#starts[@]} - 1))
    for ((c = 0; c < count; c++)); do
        command_of "$c"
        all+=(-- "${command[@]}")
    done
    for ((i = first; i <= last; i++)); do
        for ((c = 0; c < count; c++)); do
            # Back and forth, so that neither of two is always the first.
            one_launch "$i" "$((i % 2 ? c : count - 1 - c))"
        done
    done
    for ((c = 0; c < count; c++)); do
        command_of "$c"
        tell "results: $table"
    done
}

main "$@"
