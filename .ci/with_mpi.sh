# What .ci/run --full does with an MPI that is not the machine's own. Sourced, after setup.sh.
# shellcheck shell=bash disable=SC2154,SC2164

# Ends a check that cannot be made here.
skip() {
    say "$*"
    exit 77
}

# copy_tree FOLDER: what git knows or would add; what was built there before stays.
copy_tree() {
    mkdir -p "$1"
    find "$1" -mindepth 1 -maxdepth 1 ! -name build -exec rm -rf -- {} +
    (
        cd "$root"
        git ls-files -z --cached --others --exclude-standard --deduplicate |
            while IFS= read -r -d '' file; do
                if [[ -e $file ]]; then printf '%s\0' "$file"; fi
            done | xargs -0 cp -p --parents -t "$1"
    )
    if [[ -e $root/.venv ]]; then ln -sfn "$root/.venv" "$1/.venv"; fi
}

# put_first NAME MPIRUN MPICXX: these two come before any others in PATH. No links to them: a launcher
# looks for its daemon beside itself.
put_first() {
    local bin=$root/build/full/$1-bin
    mkdir -p "$bin"
    printf '#!/bin/sh\nexec %q "$@"\n' "$2" | tee "$bin/mpirun" >"$bin/mpiexec"
    printf '#!/bin/sh\nexec %q "$@"\n' "$3" >"$bin/mpicxx"
    chmod +x "$bin"/*
    export PATH=$bin:$PATH
}

# check_with_mpi NAME MPIRUN MPICXX: the way a user would who has no other MPI, in a copy of this tree,
# build/full/NAME: a sweep, the contract suites, and the tests of the program and of the scripts that
# start it. Little of the program: MPICH's ranks do not yield, and take minutes where cores are few.
check_with_mpi() {
    local tree=$root/build/full/$1 tests
    put_first "$@"
    mpirun --version
    copy_tree "$tree"
    cd "$tree"
    .ci/short_sweep.sh
    cmake -DMOE_TEST_TIMEOUT=1800 build/host
    cmake --build build/host --target bench_moe_comm_faulty combine_contract_test gather_contract_test
    tests='(combine|gather)_contract_test\.[24]|program_short|terminal|running|launches'
    ctest --test-dir build/host --output-on-failure --no-tests=error -R "^($tests)\$"
    scripts/gate_power.py --trials 1 --planted-trials 1 --launches 2 --out build/power -- --budget 0.1
}
