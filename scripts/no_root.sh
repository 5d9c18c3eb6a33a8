# What setup.sh does where apt cannot be used: tools and header-only libraries go into .venv. Tools and
# two libraries come from PyPI, CLI11 is unpacked from the distribution's own package. Sourced.
# shellcheck shell=bash disable=SC2154 # root and missing are setup.sh's

# The program alone needs no more than these, and a compiler.
program_packages=(cmake ninja-build libopenmpi-dev openmpi-bin libcli11-dev libfmt-dev
    nlohmann-json3-dev)
# What PyPI calls them; versions are in constraints.txt.
declare -A wheel_of=([cmake]=cmake [ninja-build]=ninja [libopenmpi-dev]=openmpi
    [openmpi-bin]=openmpi [libfmt-dev]=cmeel-fmt [nlohmann-json3-dev]=nlohmann-json)
declare -A sources_of=([libcli11-dev]=CLIUtils/CLI11 [libfmt-dev]=fmtlib/fmt
    [nlohmann-json3-dev]=nlohmann/json)

# Folders of headers that cmake/MoeHeaders.cmake looks into as well.
header_folders() {
    compgen -G "$root/.venv/src/*/include" || true
    compgen -G "$root/.venv/src/*/usr/include" || true
    compgen -G "$root/.venv/lib/python3*/site-packages/cmeel.prefix/include" || true
    compgen -G "$root/.venv/lib/python3*/site-packages/nlohmann_json/include" || true
}

# has_header FILE: whether the compiler finds it, or CMake will.
has_header() {
    local folders
    mapfile -t folders < <(header_folders)
    "${CXX:-c++}" -E -x c++ "${folders[@]/#/-I}" - >/dev/null 2>&1 \
        <<<"#if !__has_include(<$1>)"$'\n#error\n#endif'
}

# unpack_package PACKAGE: by apt as this user, with lists of its own, into .venv/src.
unpack_package() {
    local state=$root/build/apt
    local apt=(apt-get -q -o "Dir::State=$state" -o "Dir::Cache=$state/cache"
        -o Dir::State::status=/var/lib/dpkg/status -o Debug::NoLocking=1)
    mkdir -p "$state/lists/partial" "$state/cache/archives/partial" "$root/.venv/src/$1"
    "${apt[@]}" update || true # one source of several may be out of reach
    (cd "$state" && rm -f -- "$1"_*.deb && "${apt[@]}" download "$1") &&
        dpkg-deb -x "$state/$1"_*.deb "$root/.venv/src/$1"
}

# The line that tells how to get a package that is missing.
by_hand() {
    if [[ -n ${sources_of[$1]:-} ]]; then
        echo "$1: git clone --depth 1 https://github.com/${sources_of[$1]}" \
            "$root/.venv/src/${sources_of[$1]#*/}"
    else
        echo "$1: $root/.venv/bin/python -m pip install ${wheel_of[$1]}"
    fi
}

# install_in_venv PACKAGE...: each by itself, so that one which cannot be had keeps no other away.
# What is missing afterwards is for the caller to judge.
install_in_venv() {
    local package
    for package in "$@"; do
        if [[ -n ${wheel_of[$package]:-} ]]; then
            venv_pip --no-deps -c "$root/scripts/constraints.txt" "${wheel_of[$package]}" || true
        elif [[ $package == libcli11-dev ]]; then
            unpack_package "$package" || true
        fi
    done
}

# setup_without_root: dies with a line for each package that cannot be had; else sets lean, the
# options of CMake for a build of the program alone, where the rest is not there.
setup_without_root() {
    local package wanted left rest log=$root/build/setup.log start=$SECONDS
    mapfile -t wanted < <(missing "${program_packages[@]}")
    if ((${#wanted[@]})); then
        say "installing without root, in $root/.venv: ${wanted[*]}"
        quietly "$log" install_in_venv "${wanted[@]}" || true
        mapfile -t left < <(missing "${wanted[@]}")
        if ((${#left[@]})); then
            say "error: missing: ${left[*]} (see $log)"
            for package in "${left[@]}"; do say "  $(by_hand "$package")"; done
            exit 1
        fi
        say "packages: $((SECONDS - start)) s"
    fi
    rest=$(missing libbenchmark-dev libgtest-dev libopenblas-dev pkg-config | paste -sd ' ')
    if [[ -n $rest ]]; then
        # shellcheck disable=SC2034 # for configure()
        lean=(-DMOE_BLAS=OFF -DMOE_MICRO=OFF -DBUILD_TESTING=OFF)
        say "the program alone is built: tests, micro-benchmarks and fast experts on cores want $rest"
    fi
}
