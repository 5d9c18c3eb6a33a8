# Shared by the scripts that start the benchmark: where results go, how many ranks on which cores,
# and how a command is run so that a signal reaches it. Sourced, after setup.sh.
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

# expand 0-2,5: the numbers of a list of the kernel, one in a line.
expand() {
    local range
    for range in ${1//,/ }; do seq "${range%-*}" "${range#*-}"; done
}

# How many GPUs this machine shows, as far as CUDA_VISIBLE_DEVICES lets it.
gpus() {
    local seen visible=${CUDA_VISIBLE_DEVICES-all}
    seen=$(nvidia-smi --list-gpus 2>/dev/null | grep -c ^GPU) || true
    if [[ -z $visible ]]; then
        seen=0
    elif [[ $visible != all ]]; then
        visible=$(tr ',' '\n' <<<"$visible" | wc -l)
        seen=$((visible < seen ? visible : seen))
    fi
    echo "$seen"
}

# What a build for GPUs lacks, or nothing.
missing_for_cuda() {
    local missing=()
    if ! command -v nvcc >/dev/null && [[ ! -x ${CUDACXX:-${CUDA_PATH:-/usr/local/cuda}/bin/nvcc} ]]; then
        missing+=("nvcc (the CUDA toolkit, 12 or later)")
    fi
    if [[ -z ${NCCL_ROOT:-} ]] && ! ldconfig -p | grep -q libnccl && ! compgen -G \
        "${CUDA_PATH:-/usr/local/cuda}/lib*/libnccl.so*" >/dev/null &&
        ! python3 -c 'import nvidia.nccl' 2>/dev/null; then
        missing+=("NCCL (libnccl-dev, NCCL_ROOT, or pip's nvidia-nccl)")
    fi
    local IFS=,
    echo "${missing[*]}"
}

allowed_cpus() { sed -n 's/^Cpus_allowed_list:[[:space:]]*//p' /proc/self/status; }

# Cores that this process may use: hardware threads of one core count once, and a container's share
# of CPU time counts as so many cores.
cores() {
    local cpu found quota period
    found=$(for cpu in $(expand "$(allowed_cpus)"); do
        cat "/sys/devices/system/cpu/cpu$cpu/topology/thread_siblings_list" 2>/dev/null ||
            echo "$cpu"
    done | sort -u | wc -l)
    if read -r quota period 2>/dev/null </sys/fs/cgroup/cpu.max && [[ $quota != max ]]; then
        quota=$((quota / period > 1 ? quota / period : 1))
        found=$((quota < found ? quota : found))
    fi
    echo "$found"
}

# own_cpus FLAG...: whether each rank gets CPUs of its own, and no others than ours. Open MPI binds
# from the machine's first core on, whatever taskset or a batch system allowed.
own_cpus() {
    local bound outside
    bound=$(mpirun -n "$ranks" "$@" sed -n 's/^Cpus_allowed_list:[[:space:]]*//p' \
        /proc/self/status 2>/dev/null </dev/null) || return
    [[ $(sort -u <<<"$bound" | wc -l) == "$ranks" ]] || return
    outside=$(comm -23 <(expand "${bound//$'\n'/,}" | sort) <(expand "$(allowed_cpus)" | sort))
    [[ -z $outside ]]
}

# Sets ranks, to RANKS or one for each core, and binding. Two ranks on the threads of one core still
# have a CPU each.
choose_ranks() {
    local available cpus most_ranks=8
    available=$(cores)
    cpus=$(expand "$(allowed_cpus)" | wc -l)
    ranks=$((available < 2 ? 2 : available > most_ranks ? most_ranks : available))
    ranks=${RANKS:-$ranks}
    if ((ranks <= available)) && own_cpus --bind-to core; then
        binding=(--bind-to core)
    elif ((ranks <= available)) && own_cpus --cpu-set "$(allowed_cpus)" --bind-to core; then
        binding=(--cpu-set "$(allowed_cpus)" --bind-to core)
    elif ((ranks <= cpus)) && own_cpus --use-hwthread-cpus --bind-to hwthread; then
        binding=(--use-hwthread-cpus --bind-to hwthread)
    else
        binding=(--oversubscribe --bind-to none)
    fi
    say "ranks: $ranks on $available cores (${binding[*]})"
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
