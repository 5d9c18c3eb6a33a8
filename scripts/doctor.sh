#!/usr/bin/env bash
# Says what a sweep would use on this machine and what is in its way, a line each: ok, warn or FAIL,
# what was seen, and the command that mends it. Changes nothing; takes half a minute at most.
#
#   scripts/doctor.sh
#
# Exit status: 0 where a sweep would run, 1 where something FAILs, 2 for bad arguments.
# shellcheck source=scripts/setup.sh
source "$(dirname -- "${BASH_SOURCE[0]}")/setup.sh"
# shellcheck source=scripts/running.sh
source "$root/scripts/running.sh"

failed=

ok() { echo "ok    $*"; }
warn() { echo "warn  $*"; }
fail() {
    failed=1
    echo "FAIL  $*"
}

# briefly SECONDS COMMAND...: what it prints, nothing where it fails or takes longer.
briefly() { timeout "$@" 2>/dev/null </dev/null || true; }

# first_version TEXT: the first number with points in it.
first_version() { grep -oEm1 '[0-9]+(\.[0-9]+)+' <<<"$1" | sed 1q || true; }

# at_least VERSION WANTED
at_least() { printf '%s\n' "$2" "$1" | sort -CV; }

check_tools() {
    local obstacle version left
    obstacle=$(compiler_obstacle)
    if [[ -n $obstacle ]]; then
        fail "compiler: $obstacle"
    else
        ok "compiler: $("${CXX:-c++}" --version | sed 1q)"
    fi
    version=$(first_version "$(briefly 5 cmake --version)")
    if [[ -n $version ]] && ! at_least "$version" 3.22; then
        fail "cmake: $version is older than 3.22; $root/.venv/bin/python -m pip install cmake"
    fi
    left=$(missing "${program_packages[@]}" | paste -sd ' ')
    if [[ -n $left ]]; then
        fail "build: missing: $left; scripts/setup.sh installs them, without root as well"
    else
        ok "build: cmake $version, $(command -v ninja), CLI11, fmt, nlohmann/json"
    fi
    if has_packages "$root/.venv/bin/python"; then
        ok "charts: Python packages in .venv"
    else
        warn "charts: Python packages are missing; scripts/setup.sh installs them"
    fi
}

check_mpi() {
    local types
    if command -v mpirun >/dev/null; then
        ok "mpi: $(briefly 5 mpirun --version | sed 1q) ($(command -v mpirun))"
    elif ! command -v srun >/dev/null; then
        fail "mpi: neither mpirun nor srun; scripts/setup.sh installs Open MPI, without root as well"
    fi
    if ! command -v srun >/dev/null; then return; fi
    types=$(timeout 5 srun --mpi=list 2>&1 </dev/null || true)
    if ! grep -q pmix <<<"$types"; then
        warn "srun: offers no pmix ($(grep -m1 error <<<"$types" || xargs <<<"$types")): start ranks" \
            "with mpirun"
    elif [[ -n $(briefly 5 ompi_info --parsable) ]] &&
        ! briefly 5 ompi_info --parsable | grep -qiE 'pmix|prrte'; then
        warn "srun: offers pmix, which this Open MPI was built without: start ranks with mpirun"
    else
        ok "srun: --mpi=pmix ($(grep -o 'pmix[^ ,]*' <<<"$types" | sort -u | paste -sd ' '))"
    fi
}

# Ranks in containers of their own see neither each other's memory nor, on GPUs, each other's IPC
# handles.
check_namespaces() {
    local seen launcher=(mpirun -n 2)
    if [[ -n ${SLURM_JOB_ID:-} ]] && command -v srun >/dev/null; then
        launcher=(srun -n 2 -N 1)
    elif ! command -v mpirun >/dev/null; then
        return
    fi
    seen=$(briefly 8 "${launcher[@]}" sh -c 'readlink /proc/self/ns/ipc /proc/self/ns/pid | xargs')
    case $(sort -u <<<"$seen" | grep -c .) in
        0) warn "ranks: ${launcher[*]} started nothing; try: ${launcher[*]} hostname" ;;
        1) ok "ranks: those of one host are in one container" ;;
        *) warn "ranks: each is in a container of its own: no shared memory, no CUDA IPC between them;" \
            "start all ranks of a host in one (docker: --ipc=host --pid=host)" ;;
    esac
}

# memory_limit: the least that a group of this process may use, in bytes, or nothing.
memory_limit() {
    local group
    for group in $(groups_of memory); do
        cat "$group/memory.max" "$group/memory.limit_in_bytes" 2>/dev/null || true
    done | grep -E '^[0-9]{1,15}$' | sort -n | sed 1q # v1: 2^63 for none
}

check_machine() {
    local free limit
    free=$(df -k --output=size /dev/shm 2>/dev/null | tail -n 1)
    if ((${free:-0} < 1 << 20)); then
        warn "/dev/shm: $((${free:-0} >> 10)) MiB, and 1 GiB is wanted by NCCL and peers' windows;" \
            "docker: --shm-size=16g or --ipc=host"
    else
        ok "/dev/shm: $((free >> 10)) MiB"
    fi
    ok "cores: $(cores) for this container or job, of $(nproc --all)"
    limit=$(memory_limit || true)
    if [[ -n $limit ]] && ((limit < 8 << 30)); then
        warn "memory: a cgroup allows $((limit >> 20)) MiB; see bench_moe_comm --dry-run for what fits"
    else
        ok "memory: $([[ -n $limit ]] && echo "$((limit >> 20)) MiB" || echo no limit) by cgroup"
    fi
}

# query FIELD...: a line for each GPU; nothing where the driver does not know a field.
query() { briefly 5 nvidia-smi --query-gpu="$(IFS=, && echo "$*")" --format=csv,noheader,nounits; }

check_gpus() {
    local index mig locked found
    ok "GPUs: $(gpus) visible of $(query name | sort | uniq -c | xargs)"
    while IFS=', ' read -r index mig; do
        if [[ $mig == Enabled ]]; then
            fail "GPU $index: MIG is on, and NCCL reaches no other GPU from an instance;" \
                "nvidia-smi -i $index -mig 0 (root)"
        fi
    done < <(query index mig.mode.current)
    while IFS=', ' read -r index locked; do
        if [[ $locked == Active ]]; then
            warn "GPU $index: its clocks are set or locked below the maximum;" \
                "nvidia-smi -i $index -rac; nvidia-smi -i $index -rgc (root)"
        fi
    done < <(query index clocks_throttle_reasons.applications_clocks_setting)
    found=$(briefly 5 nvidia-smi --query-compute-apps=pid,process_name --format=csv,noheader |
        sed /nvidia-cuda-mps-server/d | sort -u | paste -sd ';')
    if [[ -n $found ]]; then
        warn "GPUs: other processes compute there ($found): rows will carry claim=shared_machine and" \
            "no verdict; end them, or choose other GPUs by CUDA_VISIBLE_DEVICES"
    else
        ok "GPUs: nobody else computes there, as far as this container can tell"
    fi
}

check_links() {
    local between
    between=$(briefly 5 nvidia-smi topo -m | sed 's/\x1b\[[0-9;]*m//g' | awk '
        /^[ \t]+GPU0/ { gpus = gsub(/GPU[0-9]+/, "&") }
        /^GPU[0-9]/ { for (i = 2; i <= gpus + 1; ++i) if ($i != "X") print $i }' | sort -u)
    if [[ -z $between ]]; then
        ok "links: none between GPUs that are visible"
    elif grep -qv ^NV <<<"$between"; then
        warn "links: not all GPUs are joined by nvlink ($(xargs <<<"$between")): times say what PCIe does"
    else
        ok "links: nvlink ($(xargs <<<"$between"))"
    fi
}

# NVSwitches are unusable until their manager has run; without, CUDA fails with error 802.
check_fabric() {
    local state
    state=$(briefly 8 nvidia-smi -q | awk -F ': *' '
        /^ +Fabric/ { fabric = 1 }
        fabric && / State / { print $2; fabric = 0 }' | sort -u | paste -sd ';')
    case $state in
        '' | N/A) ok "NVLS: no NVSwitch, so no multicast" ;;
        Completed) ok "NVLS: NVSwitches are ready, NCCL may use multicast" ;;
        *) fail "NVLS: the fabric manager is not done ($state): CUDA fails with error 802;" \
            "systemctl start nvidia-fabricmanager (root, on the host)" ;;
    esac
}

check_cuda() {
    local missing toolkit driver
    missing=$(missing_for_cuda)
    if [[ -n $missing ]]; then
        fail "CUDA: GPUs cannot be used; missing: $missing"
        return
    fi
    toolkit=$(briefly 5 "$(command -v nvcc || echo "${CUDACXX:-${CUDA_PATH:-/usr/local/cuda}/bin/nvcc}")" \
        --version | sed -n 's/.*release \([0-9.]*\).*/\1/p')
    driver=$(briefly 5 nvidia-smi | sed -n 's/.*CUDA Version: *\([0-9.]*\).*/\1/p')
    if ! at_least "${toolkit:-0}" 12; then
        fail "CUDA: toolkit ${toolkit:-unknown}, and 12 or later is wanted; CUDACXX=PATH/nvcc chooses another"
    elif [[ -n $driver ]] && ((${driver%%.*} < ${toolkit%%.*})); then
        fail "CUDA: toolkit $toolkit, and the driver ($(query driver_version | sed 1q)) runs up to" \
            "$driver; CUDACXX=PATH/nvcc of CUDA ${driver%%.*}"
    else
        ok "CUDA: toolkit $toolkit, driver $(query driver_version | sed 1q) (up to CUDA ${driver:-unknown})"
    fi
}

# Each Python in PATH may be an engine's.
check_nccl() {
    local python found version seen='' built cache
    while read -r python; do
        found=$(briefly 15 "$python" "$root/scripts/find_nccl.py")
        if [[ -z $found || $seen == *"${found% *}"* ]]; then continue; fi
        seen+=$found$'\n'
        version=${found##* }
        if at_least "$version" 2.27; then
            ok "NCCL: $version, as $python loads it (${found% *})"
        else
            warn "NCCL: $version, as $python loads it, is older than 2.27 and not used;" \
                "$python -m pip install nvidia-nccl-cu12, or NCCL_ROOT=FOLDER"
        fi
    done < <(type -ap python3 | sort -u)
    if [[ -z $seen ]]; then ok "NCCL: none of an engine; the system's or the toolkit's"; fi
    for cache in "$root"/build/{cuda,gpu}/CMakeCache.txt; do
        built=$(sed -n 's/^NCCL_LIBRARY:[A-Z]*=//p' "$cache" 2>/dev/null) || continue
        if [[ -n $built && -n $seen && $seen != *"$built"* ]]; then
            warn "NCCL: ${cache%/CMakeCache.txt} is built against $built; rm $cache, and build again"
        fi
    done
}

if [[ ${1:-} == -h || ${1:-} == --help ]]; then
    print_help
    exit
elif (($#)); then
    say "error: no argument $1; usage: scripts/doctor.sh"
    exit 2
fi
check_tools
check_mpi
check_namespaces
check_machine
if [[ $(gpus) == 0 ]]; then
    warn "GPUs: none is visible (nvidia-smi, CUDA_VISIBLE_DEVICES): cores are used"
else
    check_gpus
    check_links
    check_fabric
    check_cuda
    check_nccl
fi
if [[ -n $failed ]]; then exit 1; fi
