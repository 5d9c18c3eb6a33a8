#!/usr/bin/env bash
# Tries the set-up of a user without rights in bare systems, which hold a compiler and Python and
# nothing else: from the sources to a sweep and a chart. On the oldest the compiler is too old, which
# takes one line to say.
set -euo pipefail
# shellcheck source=.ci/bare_system.sh
source "$(dirname -- "${BASH_SOURCE[0]}")/../bare_system.sh"

compiler_and_python=g++,python3,python3-venv,ca-certificates

make_system bullseye $compiler_and_python
said=$systems/said
as user bullseye scripts/setup.sh --no-root >"$said" 2>&1 && fail "GCC 10 was taken"
grep -q '^error: c++ is too old (.* 10\.[0-9.]*.*): GCC 11 or clang 14 or later is wanted' "$said" ||
    fail "GCC 10 is not named: $(<"$said")"
say "GCC 10: $(tail -n 1 "$said")"

make_system bookworm $compiler_and_python
as user bookworm scripts/setup.sh
as user bookworm env RANKS=2 scripts/run.sh --tokens 16 --budget 0.05 --min-samples 5 --out first
rows=$(tail -n +2 "$systems/bookworm/home/user/sources/first/results.csv" | wc -l)
((rows > 0)) || fail "the sweep left no rows"
compgen -G "$systems/bookworm/home/user/sources/first/plots/*" >/dev/null || fail "no charts"
say "without root: $rows rows and their charts"
