# Shared by the scripts that start the benchmark: where results go, and how a command is run so
# that a signal reaches it. Sourced, after setup.sh.
# shellcheck shell=bash

# A folder of its own under results/local for what is started now.
results_stem() {
    echo "$root/results/local/$(date -u +%Y%m%dT%H%M%SZ)-${HOSTNAME//[^A-Za-z0-9._-]/_}"
}

# read_options ARGUMENT...: sets out, csv and progress to what the program will take them for.
read_options() {
    out='' csv='' progress=''
    while (($#)); do
        case $1 in
            --out) out=${2:-} ;;
            --csv) csv=${2:-} ;;
            --progress) progress=${2:-} ;;
            --out=*) out=${1#*=} ;;
            --csv=*) csv=${1#*=} ;;
            --progress=*) progress=${1#*=} ;;
        esac
        shift
    done
}

signal_name() { (($1 <= 128)) || printf ' (SIG%s)' "$(kill -l "$(($1 - 128))")"; }

# run_to_end COMMAND...: in the background, because bash would pass a signal on only after the
# command has ended. Answers its status; stopped says whether a signal came.
run_to_end() {
    local status=0
    stopped=''
    "$@" </dev/null &
    local child=$!
    trap 'stopped=1; kill -TERM "$child" 2>/dev/null || true' INT TERM HUP
    wait "$child" || status=$?
    while kill -0 "$child" 2>/dev/null; do # a signal ended the first wait
        status=0
        wait "$child" || status=$?
    done
    trap - INT TERM HUP
    return "$status"
}
