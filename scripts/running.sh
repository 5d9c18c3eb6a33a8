# Shared by the scripts that start the benchmark: where results go, how many ranks on which cores,
# and how a command is run so that a signal reaches it and a closed terminal does not. Sourced, after
# setup.sh where there is one.
# shellcheck shell=bash
# shellcheck source=scripts/launcher.sh
source "${BASH_SOURCE[0]%/*}/launcher.sh"

system_root=${MOE_TEST_ROOT:-} # where tests keep another /proc/self/cgroup and /sys/fs/cgroup
endings=(INT TERM QUIT USR1 USR2 ALRM XCPU) # Ctrl-C, and what batch systems send before the end

usage= # a script's own line, where it has one

# Ends a script whose arguments are no good.
refuse() {
    say "error: $*${usage:+; $usage}"
    exit 2
}

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

# choose_backend OPTION...: sets preset, of the build: GPUs are used where they are seen, the build
# can be had, and nobody said otherwise.
choose_backend() {
    local missing
    preset=host
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

allowed_cpus() { sed -n 's/^Cpus_allowed_list:[[:space:]]*//p' /proc/self/status; }

# groups_of CONTROLLER: the groups in which the kernel counts what this process uses of it (cpu,
# memory), its own first: folders in the order of their nesting, of cgroup v2 (0::/a/b) and v1
# (4:cpu,cpuacct:/a/b). A container may see the path that its groups have outside: then only its
# outermost one is there.
groups_of() {
    local id controllers path mount
    while IFS=: read -r id controllers path; do
        case $id:,$controllers, in
            0:,,) mount=$system_root/sys/fs/cgroup ;;
            *,"$1",*) mount=$system_root/sys/fs/cgroup/$1 ;;
            *) continue ;;
        esac
        while [[ -n $path && $path != / ]]; do
            echo "$mount$path"
            path=${path%/*}
        done
        echo "$mount"
    done <"$system_root/proc/self/cgroup"
} 2>/dev/null

# cpu_time_of GROUP: what it may use in a period, in microseconds, and the period; v2 says "max", v1
# -1 for no limit. Fails without one.
cpu_time_of() {
    local quota period
    {
        read -r quota period <"$1/cpu.max" ||
            { read -r quota <"$1/cpu.cfs_quota_us" && read -r period <"$1/cpu.cfs_period_us"; }
    } 2>/dev/null || return
    [[ $quota != max && $quota != -1 ]] && echo "$quota $period"
}

# Cores that this process may use: hardware threads of one core count once, and a share of CPU time
# that a group of the process has counts as so many cores, one at least.
cores() {
    local cpu found group quota period
    found=$(for cpu in $(expand "$(allowed_cpus)"); do
        cat "/sys/devices/system/cpu/cpu$cpu/topology/thread_siblings_list" 2>/dev/null ||
            echo "$cpu"
    done | sort -u | wc -l)
    for group in $(groups_of cpu); do
        read -r quota period < <(cpu_time_of "$group") || continue
        found=$((quota / period < found ? quota / period : found))
    done
    echo $((found > 1 ? found : 1))
}

# own_cpus FLAG...: whether each rank gets CPUs of its own, and no others than ours.
own_cpus() {
    local bound outside
    bound=$(mpirun -n "$ranks" "$@" sed -n 's/^Cpus_allowed_list:[[:space:]]*//p' \
        /proc/self/status 2>/dev/null </dev/null) || return
    [[ $(sort -u <<<"$bound" | wc -l) == "$ranks" ]] || return
    outside=$(comm -23 <(expand "${bound//$'\n'/,}" | sort) <(expand "$(allowed_cpus)" | sort))
    [[ -z $outside ]]
}

# bind_to KIND UNIT CPUS: sets binding to a way that gives each rank a core or hwthread of its own.
bind_to() {
    local way
    while read -r way; do
        read -ra binding <<<"$way"
        if [[ -n $way ]] && own_cpus "${binding[@]}"; then return; fi
    done < <(bound_of "$@")
    return 1
}

# choose_ranks KIND: sets ranks, to RANKS or one for each core, and binding. Two ranks on the threads
# of one core still have a CPU each.
choose_ranks() {
    local kind=$1 available cpus most_ranks=8
    available=$(cores)
    mapfile -t cpus < <(expand "$(allowed_cpus)")
    ranks=$((available < 2 ? 2 : available > most_ranks ? most_ranks : available))
    ranks=${RANKS:-$ranks}
    if ! { ((ranks <= available)) && bind_to "$kind" core "$(IFS=, && echo "${cpus[*]}")"; } &&
        ! { ((ranks <= ${#cpus[@]})) && bind_to "$kind" hwthread ''; }; then
        read -ra binding <<<"$(crowded_of "$kind") $(unbound_of "$kind")"
    fi
    say "ranks: $ranks on $available cores (${binding[*]:-as the launcher places them})"
}

# choose_gpu_ranks KIND: sets ranks and binding for one rank on each GPU. One rank alone has nobody to
# exchange rows with.
choose_gpu_ranks() {
    local available crowded=''
    available=$(gpus)
    if ((available > 8)); then available=8; fi
    ranks=${RANKS:-$((available > 1 ? available : 4))}
    if ((ranks > $(cores))); then crowded=$(crowded_of "$1"); fi
    read -ra binding <<<"$crowded $(unbound_of "$1")"
    if ((ranks <= available)); then
        say "ranks: $ranks, one for each GPU"
        return
    fi
    own=(--share-gpu)
    launcher=("$root/scripts/share_gpu.sh" --)
    say "ranks: $ranks on $available GPU(s), which they share: results are checked, but times say" \
        "nothing about an interconnect"
}

# check_launcher GIVEN...: refuses one that is not here, and a RANKS that is none or has no say.
check_launcher() {
    if ! [[ ${RANKS:-1} =~ ^[1-9][0-9]{0,3}$ ]]; then
        refuse "RANKS=$RANKS is not a number of ranks"
    elif (($# == 0)); then
        return
    elif ! command -v "$1" >/dev/null; then
        refuse "no launcher '$1' here"
    elif [[ -n ${RANKS:-} ]]; then
        refuse "RANKS=$RANKS beside a launcher, which has a number of ranks of its own"
    fi
}

# choose_launcher GIVEN...: sets launcher to what was given, else to mpirun with as many ranks as there
# are places for on a machine of the preset; own to options of the program that the machine asks for.
choose_launcher() {
    local kind ranks binding quiet
    launcher=("$@") own=()
    if (($#)); then return; fi
    kind=$(launcher_kind mpirun)
    if [[ $preset == cuda ]]; then choose_gpu_ranks "$kind"; else choose_ranks "$kind"; fi
    # Launchers comment on every status, at greater length than the program.
    read -ra quiet <<<"$(quiet_of "$kind")"
    launcher+=(mpirun "${quiet[@]}" -n "$ranks" "${binding[@]}")
}

# time_text SECONDS: as the program says times.
time_text() {
    if (($1 < 60)); then
        echo "$1 s"
    elif (($1 < 3600)); then
        printf '%d min %02d s\n' $(($1 / 60)) $(($1 % 60))
    else
        printf '%d h %02d min\n' $(($1 / 3600)) $(($1 % 3600 / 60))
    fi
}

# seconds_of_text TEXT: of a time as time_text says it.
seconds_of_text() {
    local number unit sum=0
    while read -r number unit; do
        case $unit in
            h) sum=$((sum + 3600 * 10#$number)) ;;
            min) sum=$((sum + 60 * 10#$number)) ;;
            s) sum=$((sum + 10#$number)) ;;
        esac
    done < <(grep -oE '[0-9]+ [a-z]+' <<<"$1")
    echo "$sum"
}

# signal_name STATUS: " (SIGTERM)" for 143, nothing where it stands for no signal.
signal_name() {
    local name
    if (($1 > 128)) && name=$(kill -l "$(($1 - 128))" 2>/dev/null); then printf ' (SIG%s)' "$name"; fi
}

# Lets what runs go on when the terminal is closed; what is said then goes nowhere.
outlive_terminal() { trap '' HUP; }

# tell TEXT...: on stdout, where the results are. Nobody has to be there.
tell() { printf '%s\n' "$*" || true; }

# Hands on what it reads, and reads on when nobody is there to take it: MPICH's launcher ends a job
# whose output it cannot write.
hand_on() {
    trap '' "${endings[@]}"
    exec tee -p /dev/null 2>/dev/null
}

# run_to_end COMMAND...: in a session of its own, where no terminal reaches it: Ctrl-C comes once,
# passed on from here, and not SIGHUP, for which Open MPI ends also under nohup. In the background,
# because bash would pass a signal on only after the command has ended. Answers its status; stopped
# says whether a signal came.
run_to_end() {
    local child='' out err takers=() tries=40
    stopped=''
    trap 'stopped=1; kill -TERM "$child" 2>/dev/null || true' "${endings[@]}"
    exec {out}> >(hand_on)
    takers+=("$!")
    exec {err}> >(hand_on >&2)
    takers+=("$!")
    setsid "$@" </dev/null >&"$out" 2>&"$err" {out}>&- {err}>&- &
    child=$!
    exec {out}>&- {err}>&-
    if [[ -n $stopped ]]; then kill -TERM "$child"; fi # it came before there was a child
    { # A signal ends a wait. Bash would comment on a child that one killed.
        while kill -0 "$child"; do wait "$child" || true; done
        # What it said last is to come before what is said next; a process that it left behind may
        # keep the pipe open.
        while kill -0 "${takers[@]}" && ((tries--)); do sleep 0.05; done
    } 2>/dev/null
    trap - "${endings[@]}"
    wait "$child" # bash remembers the status
}
