#!/usr/bin/env bash
# Runs every command of every README.md on a bare Debian 12, those that install and build included:
# tests/scripts/test_readme_commands.py, which leaves those out elsewhere. The first of them builds.
set -euo pipefail
# shellcheck source=.ci/bare_system.sh
source "$(dirname -- "${BASH_SOURCE[0]}")/../bare_system.sh"

make_system bookworm ca-certificates
as root bookworm scripts/setup.sh
as root bookworm env MOE_BARE_SYSTEM=1 .venv/bin/python -m pytest -q -p no:cacheprovider \
    tests/scripts/test_readme_commands.py
say "every command of every README.md ran"
