#!/usr/bin/env bash
# A sweep and a series of launches under Slurm, with a controller, a node and the keys of its own in a
# temporary folder: srun --mpi=pmix starts the ranks, scripts/run.sh and launches.sh start srun.
# shellcheck source=scripts/setup.sh
source "$(dirname -- "${BASH_SOURCE[0]}")/../../scripts/setup.sh"
# shellcheck source=.ci/with_mpi.sh
source "$root/.ci/with_mpi.sh"
cd "$root"

PATH=$PATH:/usr/sbin
daemons=()
folder=$(mktemp -d /tmp/moe-slurm.XXXXXX) # short, for the sockets in it

# The daemons of this check, and no others, by their numbers.
stop_daemons() {
    local daemon
    for daemon in "${daemons[@]}"; do
        kill "$daemon" 2>/dev/null && wait "$daemon" 2>/dev/null
    done || true
    rm -rf -- "$folder"
}
trap stop_daemons EXIT

# start NAME COMMAND...: a daemon that stays in the foreground.
start() {
    "${@:2}" >"$folder/$1.out" 2>&1 </dev/null &
    daemons+=("$!")
}

# until_true WHAT COMMAND...: waits for a daemon.
until_true() {
    local tries=120
    until "${@:2}" &>/dev/null; do
        if ((--tries == 0)); then
            tail -n 20 "$folder"/*.out "$folder"/*.log >&2 || true
            die "$1 did not come"
        fi
        sleep 0.5
    done
}

free_port() {
    "$python" -c 'import socket; s = socket.socket(); s.bind(("", 0)); print(s.getsockname()[1])'
}

configuration() {
    local user
    user=$(id -un)
    cat <<END
ClusterName=moe
SlurmctldHost=$(hostname -s)(127.0.0.1)
SlurmUser=$user
SlurmdUser=$user
AuthType=auth/munge
AuthInfo=socket=$folder/munge.socket
SlurmctldPort=$(free_port)
SlurmdPort=$(free_port)
StateSaveLocation=$folder/state
SlurmdSpoolDir=$folder/spool
SlurmctldPidFile=$folder/slurmctld.pid
SlurmdPidFile=$folder/slurmd.pid
SlurmctldLogFile=$folder/slurmctld.log
SlurmdLogFile=$folder/slurmd.log
ProctrackType=proctrack/linuxproc
TaskPlugin=task/none
SelectType=select/cons_tres
SelectTypeParameters=CR_CPU
SlurmdParameters=config_overrides
ReturnToService=2
NodeName=$(hostname -s) NodeAddr=127.0.0.1 CPUs=4 State=UNKNOWN
PartitionName=all Nodes=ALL Default=YES State=UP
END
}

if may_use_apt; then install_with_apt munge slurmctld slurmd slurm-client; fi
for name in munged slurmctld slurmd srun; do
    command -v "$name" >/dev/null || skip "no $name here"
done
setup_python
need_python

mkdir "$folder/state" "$folder/spool"
export SLURM_CONF=$folder/slurm.conf
configuration >"$SLURM_CONF"
if ! srun --mpi=list 2>&1 | grep -w pmix >/dev/null; then skip "this Slurm has no PMIx"; fi
head -c 1024 /dev/urandom >"$folder/munge.key"
chmod 400 "$folder/munge.key"
start munged munged --foreground --force --key-file "$folder/munge.key" --num-threads 2 \
    --socket "$folder/munge.socket" --pid-file "$folder/munge.pid" \
    --seed-file "$folder/munge.seed" --log-file "$folder/munge.log"
until_true munged munge --socket "$folder/munge.socket" --no-input
start slurmctld slurmctld -D
start slurmd slurmd -D
until_true slurmd bash -c 'sinfo -h -t idle | grep -q idle'

srun=(srun --mpi=pmix -K --overlap -n 2)
.ci/short_sweep.sh -- "${srun[@]}"
scripts/launches.sh 2 -- "${srun[@]}" build/host/bench/bench_moe_comm --tokens 16 --scope output \
    --budget 0.1 --progress none --out "$folder/series"
"$python" .ci/check_schema.py "$folder/series/results.csv"
"$python" - "$folder/series/results.csv" <<'END'
import csv, sys
rows = list(csv.DictReader(open(sys.argv[1])))
assert {row["ranks"] for row in rows} == {"2"}, rows
assert {row["launch"] for row in rows} == {"1", "2"}, rows
END
say "under Slurm: a sweep and two launches of 2 ranks"
