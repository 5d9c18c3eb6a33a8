#!/usr/bin/env bash
# A short sweep, the way a user would start it; its table must be what results/README.md says.
#
#   .ci/short_sweep.sh [-- LAUNCHER...]     of two ranks, started by scripts/run.sh
# shellcheck source=scripts/setup.sh
source "$(dirname -- "${BASH_SOURCE[0]}")/../scripts/setup.sh"

setup_python
need_python
out=$(mktemp -d)
trap 'rm -rf -- "$out"' EXIT
if (($# == 0)); then export RANKS=2; fi
"$root/scripts/run.sh" --tokens 16,64 --budget 0.2 --min-samples 5 --out "$out" "$@"
"$python" "$root/.ci/check_schema.py" "$out/results.csv"
