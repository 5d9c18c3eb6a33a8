#!/usr/bin/env bash
# Installs what is missing: Debian or Ubuntu packages, and the Python packages of
# scripts/requirements.txt in .venv. run.sh, test.sh and .ci/run source it; called by itself it
# only installs. What is there already is neither fetched nor asked for again.
#
#   scripts/setup.sh [--lint] [--no-root]
#
# --lint: also what .ci/run needs. --no-root, chosen by itself where apt cannot be used: what the
# program alone needs, into .venv; a compiler has to be there.
# MOE_NO_APT=1: the libraries are there, but dpkg does not know them; only the tools are looked for.
#
# Exit status: 0; 1 where something is missing, which is named; 2 for bad arguments.
set -euo pipefail

unset CDPATH # where it is set, cd prints
root=$(cd -- "$(dirname -- "${BASH_SOURCE[0]}")/.." && pwd -P)
python= # set by find_python: an interpreter with the packages, or empty
build_packages=(g++ cmake ninja-build libopenmpi-dev openmpi-bin libcli11-dev libfmt-dev
    libbenchmark-dev libgtest-dev libopenblas-dev nlohmann-json3-dev git pkg-config)
python_packages=(python3 python3-venv ca-certificates)
python_imports=(pandas scipy matplotlib pytest hypothesis)
lean=() # CMake options of a build without what is missing; set by setup_without_root
lint_packages=(ccache clang-format clang-tidy clang libclang-rt-dev lld)

# Open MPI asks root twice whether it means it; in a container it does.
if ((EUID == 0)); then
    export OMPI_ALLOW_RUN_AS_ROOT=1 OMPI_ALLOW_RUN_AS_ROOT_CONFIRM=1
fi

# Tools that are only in the environment; after all others, because its python3 hides an engine's.
PATH=$PATH:$root/.venv/bin
# shellcheck source=scripts/no_root.sh
source "$root/scripts/no_root.sh"

# What the scripts say goes to stderr, so that stdout is the program's. Nobody has to be there.
say() { printf '%s\n' "$*" >&2 || true; }

die() {
    say "error: $*"
    exit 1
}

# Prints what the script that runs says at its top.
print_help() { sed -n '1d; /^# shellcheck/q; /^[^#]/q; s/^# \{0,1\}//p' "$0"; }

# quietly LOG COMMAND...
quietly() {
    local log=$1
    shift
    mkdir -p -- "${log%/*}"
    "$@" >"$log" 2>&1 </dev/null
}

# step NAME LOG COMMAND...: runs it quietly, then one line with the time; ends all if it fails.
step() {
    local name=$1 log=$2 start=$SECONDS
    shift 2
    if [[ -t 2 ]]; then printf '%s ...\r' "$name" >&2; fi
    if ! quietly "$log" "$@"; then
        what_failed "$log" >&2
        die "$name failed after $((SECONDS - start)) s; all of it: $log"
    fi
    say "$name: $((SECONDS - start)) s"
}

# From the first complaint on, because what follows it is often only its consequence.
what_failed() {
    local first
    first=$(grep -nEm1 '^(FAILED:|CMake Error|ninja: error|Traceback)' "$1" | cut -d: -f1) || true
    tail -n "+${first:-1}" -- "$1" | if [[ -n $first ]]; then sed 80q; else tail -n 40; fi
}

# Whether what a package is wanted for is there without it (built by hand, from pip or conda).
there_without_dpkg() {
    case $1 in
        g++) command -v "${CXX:-c++}" ;;
        clang) command -v clang++ ;;
        ninja-build) command -v ninja ;;
        libopenmpi-dev) command -v mpicxx ;;
        openmpi-bin) command -v mpirun ;;
        python3-venv) python3 -c 'import ensurepip, venv' ;;
        ca-certificates) [[ -n ${SSL_CERT_FILE:-} || -e /etc/ssl/certs/ca-certificates.crt ]] ;;
        lib*-dev | nlohmann-json3-dev) [[ -n ${MOE_NO_APT:-} ]] || has_library "$1" ;;
        *) command -v "$1" ;;
    esac &>/dev/null
}

# has_library PACKAGE: by its header.
has_library() {
    case $1 in
        libcli11-dev) has_header CLI/CLI.hpp ;;
        libfmt-dev) has_header fmt/format.h ;;
        nlohmann-json3-dev) has_header nlohmann/json.hpp ;;
        libbenchmark-dev) has_header benchmark/benchmark.h ;;
        libgtest-dev) has_header gtest/gtest.h ;;
        libopenblas-dev) has_header cblas.h && pkg-config --exists openblas ;;
        *) false ;;
    esac
}

# missing PACKAGE...: those that are not there, one in a line.
missing() {
    local package installed
    installed=$(dpkg-query -W -f '${db:Status-Status} ${Package}\n' "$@" 2>/dev/null) || true
    for package in "$@"; do
        grep -qxF "installed $package" <<<"$installed" || there_without_dpkg "$package" ||
            echo "$package"
    done
}

# apt_install [sudo...] -- PACKAGE...; an index that cannot be refreshed may still be good enough.
apt_install() {
    local as_root=()
    while [[ $1 != -- ]]; do
        as_root+=("$1")
        shift
    done
    local apt=("${as_root[@]}" env DEBIAN_FRONTEND=noninteractive apt-get -q
        -o DPkg::Lock::Timeout=300)
    "${apt[@]}" update || echo "apt-get update failed; going on with the index there is"
    "${apt[@]}" install -y --no-install-recommends "${@:2}"
}

# Sets as_root to what makes a command root's; fails where apt cannot be used.
may_use_apt() {
    as_root=()
    if [[ -n ${MOE_NO_APT:-} ]] || ! command -v apt-get >/dev/null; then return 1; fi
    if ((EUID == 0)); then return; fi
    as_root=(sudo)
    if [[ ! -t 0 ]]; then as_root+=(-n); fi # nobody there to type a password
    command -v sudo >/dev/null && "${as_root[@]}" true 2>/dev/null
}

# install_with_apt PACKAGE...: tries to; what is missing afterwards is for the caller to judge.
install_with_apt() {
    local wanted log=$root/build/setup.log start=$SECONDS
    mapfile -t wanted < <(missing "$@")
    if ((${#wanted[@]} == 0)); then return; fi
    say "installing with apt-get: ${wanted[*]}"
    if quietly "$log" apt_install "${as_root[@]}" -- "${wanted[@]}"; then
        say "packages: $((SECONDS - start)) s"
    else
        say "warning: apt-get could not install them, see $log"
    fi
}

# setup_packages [--lint] [--no-root]: Python's are asked for together with the others, but not
# insisted on.
setup_packages() {
    local packages=("${build_packages[@]}") gpu_packages=() left as_root
    if [[ " $* " == *" --lint "* ]]; then packages+=("${lint_packages[@]}"); fi
    left=$(missing "${packages[@]}" "${python_packages[@]}")
    if [[ " $* " == *" --no-root "* ]] || { [[ -n $left ]] && ! may_use_apt; }; then
        need_compiler
        setup_without_root
        return
    fi
    # For GPUs, where the package lists have it: without, cores are used. A driver or a toolkit is
    # nobody's to install here.
    if command -v nvidia-smi >/dev/null && apt-cache show libnccl-dev &>/dev/null; then
        gpu_packages=(libnccl-dev)
    fi
    install_with_apt "${packages[@]}" "${python_packages[@]}" "${gpu_packages[@]}"
    left=$(missing "${packages[@]}" | paste -sd ' ')
    if [[ -n $left ]]; then die "missing: $left; scripts/setup.sh --no-root does without apt"; fi
    need_compiler
}

# Why the compiler will not do, or nothing.
compiler_obstacle() {
    local compiler=${CXX:-c++} clang gcc
    if ! read -r clang gcc < <("$compiler" -E -P -x c++ - <<<'__clang_major__ __GNUC__' 2>/dev/null)
    then
        echo "no C++ compiler: $compiler does not run; GCC 11 or clang 14 or later is wanted (images of" \
            "CUDA have it in their -devel form)"
    elif if [[ $clang == __clang_major__ ]]; then ((gcc < 11)); else ((clang < 14)); fi; then
        echo "$compiler is too old ($("$compiler" --version | sed 1q)): GCC 11 or clang 14 or later" \
            "is wanted; CXX=NAME chooses another"
    fi
}

need_compiler() {
    local obstacle
    obstacle=$(compiler_obstacle)
    if [[ -n $obstacle ]]; then die "$obstacle"; fi
}

# Looks only whether the packages can be found: importing pandas takes a second.
has_packages() {
    "$1" -c 'import importlib.util as u, sys
sys.exit(not all(map(u.find_spec, sys.argv[1:])))' "${python_imports[@]}" &>/dev/null
}

# Sets pip to the command that installs into .venv: its own or, where Debian keeps ensurepip apart,
# the system's.
find_pip() {
    pip=("$root/.venv/bin/python" -m pip)
    "${pip[@]}" --version && return
    pip=(python3 -m pip --python "$root/.venv/bin/python")
    "${pip[@]}" --version
}

# venv_pip ARGUMENT...: installs into .venv. One that is there but incomplete is completed, one that
# does not run is made anew. Python compiles what is imported, which is a small part, when it is.
venv_pip() {
    local pip
    if ! find_pip; then
        python3 -m venv --clear "$root/.venv" ||
            python3 -m venv --clear --without-pip "$root/.venv" || return
        find_pip || return
    fi
    "${pip[@]}" install --disable-pip-version-check --retries 2 --only-binary :all: \
        --no-compile "$@"
}

# Whether .venv has what requirements.txt asks for.
has_environment() {
    local stamp=$root/.venv/requirements.sha256
    [[ -e $stamp && $(<"$stamp") == "$(sha256sum <"$root/scripts/requirements.txt")" ]] &&
        has_packages "$root/.venv/bin/python"
}

# Completes .venv; fails where pip does.
install_python() {
    local start=$SECONDS
    if has_environment; then return; fi
    say "installing Python packages in $root/.venv"
    quietly "$root/build/python.log" venv_pip -r "$root/scripts/requirements.txt" || return
    sha256sum <"$root/scripts/requirements.txt" >"$root/.venv/requirements.sha256"
    say "Python packages: $((SECONDS - start)) s"
}

# Sets python. Where pip failed, as without a network, another that has the packages will do.
find_python() {
    local candidate
    python=$root/.venv/bin/python
    if has_environment; then return; fi
    for candidate in "$python" python3 /usr/bin/python3; do
        python=$(command -v "$candidate") || continue
        if has_packages "$python"; then
            say "Python packages: pip failed (see $root/build/python.log); using those that" \
                "$python has"
            return
        fi
    done
    python=
}

setup_python() {
    install_python || true
    find_python
}

# For scripts that cannot do without; run.sh can.
need_python() {
    local left
    if [[ -n $python ]]; then return; fi
    left=$(missing "${python_packages[@]}" | paste -sd ' ')
    die "missing: ${left:+$left, }Python packages ${python_imports[*]}" \
        "(see $root/build/python.log)"
}

# For scripts that build tests.
need_test_libraries() {
    if ((${#lean[@]})); then die "tests want what is missing here: install it with apt-get"; fi
}

# has_cuda_tools TOOL...: whether all are in PATH or in the toolkit.
has_cuda_tools() {
    local tool path=$PATH:${CUDA_PATH:-/usr/local/cuda}/bin
    for tool in "$@"; do PATH=$path type -P "$tool" >/dev/null || return; done
}

install_disassembler() {
    venv_pip -c "$root/scripts/constraints.txt" nvidia-cuda-cuobjdump nvidia-cuda-nvdisasm &&
        ln -sf "$root"/.venv/lib/python3*/site-packages/nvidia/*/bin/{cuobjdump,nvdisasm} \
            "$root/.venv/bin/"
}

# What tests of machine code read it with, into .venv/bin where there is nvcc and its toolkit lacks
# them. Without, those tests are skipped.
setup_disassembler() {
    local log=$root/build/disassembler.log
    if ! has_cuda_tools nvcc || has_cuda_tools cuobjdump nvdisasm; then return; fi
    quietly "$log" install_disassembler ||
        say "warning: no cuobjdump and nvdisasm from PyPI, see $log: machine code is not tested"
}

# Whether tests can open the report: see setup_browser.
has_browser() {
    { type -P chromium || type -P chromium-browser; } >/dev/null &&
        "$root/.venv/bin/python" -c 'import playwright' &>/dev/null
}

# What tests open the report in: Chromium, and Playwright into .venv. Without, those tests are skipped.
setup_browser() {
    local as_root log=$root/build/browser.log
    if has_browser; then return; fi
    if may_use_apt; then install_with_apt chromium; fi
    if ! { quietly "$log" venv_pip -c "$root/scripts/constraints.txt" playwright && has_browser; }; then
        say "warning: no Chromium or no Playwright, see $log: the report is not opened in a browser"
    fi
}

# configure PRESET [cmake option...]: anew where the tree has moved, or is mounted elsewhere, or what
# was missing is there. A folder that is new gets a whole build, which MOE_UNITY makes shorter. What
# failed is not kept either: CMake would remember a library as missing after it was installed.
configure() {
    local options=(--preset "$1" "${@:2}" "${lean[@]}") cache=$root/build/$1/CMakeCache.txt
    if [[ -n $python ]]; then options+=("-DMOE_PYTHON=$python"); fi
    if [[ -e $cache ]] && { ! grep -qxF "CMAKE_HOME_DIRECTORY:INTERNAL=$root" "$cache" ||
        { ((${#lean[@]} == 0)) && grep -qxF MOE_BLAS:BOOL=OFF "$cache"; }; }; then
        rm -rf -- "$cache" "${cache%/*}/CMakeFiles"
    fi
    if [[ ! -e $cache ]]; then options=(-DMOE_UNITY=ON "${options[@]}"); fi
    cmake -S "$root" "${options[@]}" || { rm -f -- "$cache" && return 1; }
}

# build PRESET TARGET [cmake option...]: on all cores, which is what ninja does unasked. Where ccache
# is used, the same file in another tree is the same.
build() {
    configure "$1" "${@:3}" && CCACHE_BASEDIR=$root cmake --build "$root/build/$1" --target "$2"
}

if [[ ${BASH_SOURCE[0]} == "$0" ]]; then
    for argument in "$@"; do
        case $argument in
            --lint | --no-root) ;;
            -h | --help) print_help && exit ;;
            *) say "error: no option $argument; usage: scripts/setup.sh [--lint] [--no-root]" && exit 2 ;;
        esac
    done
    setup_packages "$@"
    setup_python
    need_python
    if [[ " $* " == *" --lint "* ]]; then
        setup_disassembler
        setup_browser
    fi
fi
