#!/usr/bin/env bash
# Tries the set-up of a user without rights in bare systems of Debian's mirror, which hold a
# compiler and Python and nothing else: from the sources to a sweep and a chart. On the oldest the
# compiler is too old, which takes one line to say. Wants root and debootstrap, for the systems only.
set -euo pipefail

root=$(CDPATH='' cd -- "$(dirname -- "${BASH_SOURCE[0]}")/../.." && pwd -P)
systems=$(mktemp -d)
trap 'rm -rf -- "$systems"' EXIT

say() { printf '%s\n' "$*" >&2; }

fail() {
    say "error: $*"
    exit 1
}

# make_system NAME: with a user, the sources as that user's own, and this machine's way to the network.
make_system() {
    local system=$systems/$1
    debootstrap --variant=minbase --include=g++,python3,python3-venv,ca-certificates "$1" "$system" \
        >"$systems/$1.log" 2>&1 || fail "debootstrap $1: $(tail -n 3 "$systems/$1.log")"
    cp -L /etc/resolv.conf "$system/etc/" 2>/dev/null || true
    cp -L /etc/ssl/certs/ca-certificates.crt "$system/etc/ssl/certs/"
    rm -rf "$system"/var/lib/apt/lists/* # as images are shipped
    chroot "$system" useradd -m user
    (cd "$root" && git ls-files -z --cached --others --exclude-standard |
        tar --null --files-from=- --ignore-failed-read -cf - 2>/dev/null) |
        tar -C "$system/home/user" --one-top-level=sources -xf -
    chroot "$system" chown -R user: /home/user/sources
}

# as_user NAME COMMAND...: in a namespace of its own, so that mounts go with it.
as_user() {
    local system=$systems/$1
    shift
    # shellcheck disable=SC2016 # for the inner shell
    unshare --mount --pid --fork sh -c '
        mount -t proc proc "$0/proc" && mount --rbind /dev "$0/dev" && mount --make-rslave "$0/dev" &&
        mount --rbind /sys "$0/sys" && mount -t tmpfs tmpfs "$0/dev/shm" && exec chroot --userspec=user "$0" /usr/bin/env -i \
            HOME=/home/user PATH=/usr/bin:/bin PIP_CERT="$PIP_CERT" sh -c "cd ~/sources && exec \"\$@\"" sh "$@"
    ' "$system" "$@"
}

if ((EUID != 0)) || ! command -v debootstrap >/dev/null; then
    say "wants root and debootstrap"
    exit 77
fi
export PIP_CERT=${PIP_CERT:-/etc/ssl/certs/ca-certificates.crt}

make_system bullseye
said=$(as_user bullseye scripts/setup.sh --no-root 2>&1) && fail "GCC 10 was taken"
grep -q '^error: c++ is too old (.* 10\.[0-9.]*.*): GCC 11 or clang 14 or later is wanted' <<<"$said" ||
    fail "GCC 10 is not named: $said"
say "GCC 10: $(tail -n 1 <<<"$said")"

make_system bookworm
as_user bookworm scripts/setup.sh
as_user bookworm env RANKS=2 scripts/run.sh --tokens 16 --budget 0.05 --min-samples 5 --out first
rows=$(tail -n +2 "$systems/bookworm/home/user/sources/first/results.csv" | wc -l)
((rows > 0)) || fail "the sweep left no rows"
compgen -G "$systems/bookworm/home/user/sources/first/plots/*" >/dev/null || fail "no charts"
say "without root: $rows rows and their charts"
