#!/usr/bin/env bash
# Runs a command whose ranks share one GPU: under an MPS daemon of its own, in a folder of its own,
# which are gone when the command has ended, however it ended. Without MPS the ranks take turns on
# the GPU, and every step waits milliseconds for its turn.
#
#   scripts/share_gpu.sh -- mpirun -n 4 build/cuda/bench/bench_moe_comm --backend cuda --share-gpu
#
# Exit status: the command's; 2 for a wrong call, or where there is no MPS.
set -euo pipefail

usage='usage: scripts/share_gpu.sh -- COMMAND...'
say() { printf '%s\n' "$*" >&2; }

if [[ ${1:-} == -h || ${1:-} == --help ]]; then
    say "$usage"
    exit
elif [[ ${1:-} != -- || $# -lt 2 ]]; then
    say "error: share_gpu.sh '${1:-}': a -- and a command are wanted; $usage"
    exit 2
elif ! command -v nvidia-cuda-mps-control >/dev/null; then
    say "error: no nvidia-cuda-mps-control here, which comes with NVIDIA's driver"
    exit 2
fi
shift

# shellcheck source=scripts/running.sh
source "$(dirname -- "${BASH_SOURCE[0]}")/running.sh"

# A short name: the daemon's sockets have to fit into 108 bytes.
folder=$(mktemp -d /tmp/mps.XXXXXX)
export CUDA_MPS_PIPE_DIRECTORY=$folder CUDA_MPS_LOG_DIRECTORY=$folder

stop_daemon() {
    trap - EXIT
    echo quit | timeout 10 nvidia-cuda-mps-control >/dev/null 2>&1 || true
    rm -rf -- "$folder"
}
trap stop_daemon EXIT
# Before run_to_end takes them, and after it: the trap above does the rest.
outlive_terminal
trap 'exit 143' "${endings[@]}"

if ! nvidia-cuda-mps-control -d; then
    say 'error: the MPS daemon does not start'
    exit 2
fi
# A client that comes before the daemon listens does without it, and nobody would know.
for _ in {1..20}; do
    if [[ -e $folder/control ]]; then break; fi
    sleep 0.1
done
sleep 0.5

status=0
run_to_end "$@" || status=$?
exit "$status"
