#!/usr/bin/env bash
# MPICH, of Debian's packages, which lie beside those of Open MPI.
# shellcheck source=scripts/setup.sh
source "$(dirname -- "${BASH_SOURCE[0]}")/../../scripts/setup.sh"
# shellcheck source=.ci/with_mpi.sh
source "$root/.ci/with_mpi.sh"

if may_use_apt; then install_with_apt mpich libmpich-dev; fi
if [[ ! -x /usr/bin/mpirun.mpich ]]; then skip "no MPICH here"; fi
check_with_mpi mpich /usr/bin/mpirun.mpich /usr/bin/mpicxx.mpich
