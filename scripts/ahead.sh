# Builds that a later step wants, begun while tests run: those wait for launchers and leave cores
# idle. Sourced, after setup.sh.
# shellcheck shell=bash

ahead= # the process group that was begun last

# begin_ahead LOG COMMAND...: runs it in the background, on time of the cores that nothing else wants.
# How it ends is for the step that needs it: that makes it again, and finds all done or fails alike.
begin_ahead() {
    set -m # for a process group, which end_ahead ends as a whole
    {
        set +m
        chrt --idle --pid 0 "$BASHPID" || renice -n 19 -p "$BASHPID"
        CMAKE_BUILD_PARALLEL_LEVEL=$(nproc) quietly "$@"
    } &>/dev/null &
    set +m
    ahead=$!
}

# hurry PID: makes it and what it started as urgent as all, a parent before its children, so that none
# is missed. Not by its group: ninja gives each compiler one of its own.
hurry() {
    local child
    chrt --other --pid 0 "$1"
    for child in $(pgrep -P "$1"); do hurry "$child"; done
}

# after_ahead COMMAND...: runs it when what was begun has ended, which is hurried now.
after_ahead() {
    if [[ -n $ahead ]]; then
        hurry "$ahead" &>/dev/null || true
        wait "$ahead" || true
        ahead=
    fi
    "$@"
}

# Ends what was begun, with a script that ends before it is wanted.
end_ahead() { if [[ -n $ahead ]]; then kill -- "-$ahead" 2>/dev/null || true; fi; }
trap end_ahead EXIT
