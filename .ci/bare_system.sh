# Bare systems of Debian's mirror, in folders: a compiler and Python, or less, and this tree's sources.
# Sourced by scripts of .ci/full. Wants root and debootstrap, for the systems only.
# shellcheck shell=bash
root=$(CDPATH='' cd -- "$(dirname -- "${BASH_SOURCE[0]}")/.." && pwd -P)

say() { printf '%s\n' "$*" >&2; }

fail() {
    say "error: $*"
    exit 1
}

if ((EUID != 0)) || ! command -v debootstrap >/dev/null; then
    say "wants root and debootstrap"
    exit 77
fi
systems=$(mktemp -d)
inside= # the process whose mounts and processes are a system's
trap clean_up EXIT
trap 'exit 130' INT TERM HUP
export PIP_CERT=${PIP_CERT:-/etc/ssl/certs/ca-certificates.crt}

# Ends what still runs in a system. Its mounts go with it.
clean_up() {
    if [[ -n $inside ]]; then
        kill -KILL "$inside"
        wait "$inside" || true
    fi 2>/dev/null
    rm -rf --one-file-system -- "$systems"
}

# apart COMMAND...: with processes and mounts of its own, which end with this script, however that
# ends. In the background, because bash would heed a signal only after the command.
apart() {
    local status=0
    setpriv --pdeathsig KILL unshare --mount --pid --fork --kill-child "$@" &
    inside=$!
    wait "$inside" || status=$?
    inside=
    return "$status"
}

# make_system NAME PACKAGES: with a user, the sources as that user's own, and this machine's way to the
# network and names: launchers look up their own host.
make_system() {
    local system=$systems/$1
    apart debootstrap --variant=minbase --include="$2" "$1" "$system" >"$systems/$1.log" 2>&1 ||
        fail "debootstrap $1: $(tail -n 3 "$systems/$1.log")"
    cp -L /etc/resolv.conf /etc/hosts "$system/etc/" 2>/dev/null || true
    cp -L /etc/ssl/certs/ca-certificates.crt "$system/etc/ssl/certs/"
    rm -rf "$system"/var/lib/apt/lists/* # as images are shipped
    chroot "$system" useradd -m user
    (cd "$root" && git ls-files -z --cached --others --exclude-standard |
        tar --null --files-from=- --ignore-failed-read -cf - 2>/dev/null) |
        tar -C "$system/home/user" --one-top-level=sources -xf -
    chroot "$system" chown -R user: /home/user/sources
}

# as USER NAME COMMAND...: in the sources.
as() {
    local user=$1 system=$systems/$2
    shift 2
    # shellcheck disable=SC2016 # for the inner shell
    apart sh -c '
        mount -t proc proc "$0/proc" && mount --rbind /dev "$0/dev" && mount --make-rslave "$0/dev" &&
        mount --rbind /sys "$0/sys" && mount -t tmpfs tmpfs "$0/dev/shm" &&
        user=$1 && shift && exec chroot --userspec="$user" "$0" /usr/bin/env -i \
            HOME=/home/user PATH=/usr/sbin:/usr/bin:/sbin:/bin PIP_CERT="$PIP_CERT" \
            sh -c "cd ~/sources && exec \"\$@\"" sh "$@"
    ' "$system" "$user" "$@"
}
