#!/usr/bin/env bash
# Spells what is asked of a launcher in its own words: Open MPI 4, Open MPI 5 (PRRTE) and MPICH
# (Hydra) have few options in common. The one place that knows; running.sh sources it, CMake and the
# Python tests call it.
#
#   scripts/launcher.sh MPIRUN WHAT...    prints the options, in one line
#
#   kind      openmpi-4, openmpi-5, mpich or other, which gets no options
#   quiet     no comments on the statuses of ranks, where the launcher can do without
#   crowded   more ranks than cores are fine
#   unbound   no rank is bound to a core
#
# Exit status: 0, or 2 for a wrong call.

# launcher_kind MPIRUN
launcher_kind() {
    case $("$1" --version 2>/dev/null </dev/null) in
        *'(Open MPI) '[1-4].* | *'(OpenRTE) '*) echo openmpi-4 ;;
        *'(Open MPI) '*) echo openmpi-5 ;;
        *HYDRA*) echo mpich ;;
        *) echo other ;;
    esac
}

# quiet_of KIND; Open MPI 5 and MPICH always comment.
quiet_of() {
    if [[ $1 == openmpi-4 ]]; then echo -q; fi
}

# crowded_of KIND
crowded_of() {
    if [[ $1 == openmpi-* ]]; then echo --oversubscribe; fi
}

# unbound_of KIND
unbound_of() {
    case $1 in
        openmpi-*) echo --bind-to none ;;
        mpich) echo -bind-to none ;;
    esac
}

# bound_of KIND UNIT CPUS: ways to give each rank a core or a hwthread (UNIT) of its own, one in a
# line: first any of the machine, then those of CPUS, such as 2,3. Launchers bind from the machine's
# first core on, whatever taskset or a batch system allowed.
bound_of() {
    case $1:$2 in
        openmpi-*:hwthread) echo --use-hwthread-cpus --bind-to hwthread ;;
        openmpi-4:core) printf '%s\n' '--bind-to core' "--cpu-set $3 --bind-to core" ;;
        openmpi-5:core) printf '%s\n' '--bind-to core' "--map-by pe-list=$3:ordered --bind-to core" ;;
        mpich:core) printf '%s\n' '-bind-to core' "-bind-to user:$3" ;;
        mpich:hwthread) echo -bind-to hwthread ;;
    esac
}

# print_options MPIRUN WHAT...
print_options() {
    local kind what words=()
    kind=$(launcher_kind "$1")
    for what in "${@:2}"; do
        case $what in
            kind) words+=("$kind") ;;
            quiet) words+=("$(quiet_of "$kind")") ;;
            crowded) words+=("$(crowded_of "$kind")") ;;
            unbound) words+=("$(unbound_of "$kind")") ;;
            *) echo "error: launcher.sh: '$what' is not kind, quiet, crowded or unbound" >&2 && return 2 ;;
        esac
    done
    read -ra words <<<"${words[*]}" # without the empty ones
    echo "${words[*]}"
}

if [[ ${BASH_SOURCE[0]} == "$0" ]]; then
    set -euo pipefail
    if (($# < 2)); then
        echo "usage: scripts/launcher.sh MPIRUN kind|quiet|crowded|unbound..." >&2
        exit 2
    fi
    print_options "$@"
fi
