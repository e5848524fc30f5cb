# shellcheck shell=bash
# Talking to the reader, counting checks, and the tools.

passed=0
failed=0

say() {
    printf '== %s\n' "$*"
}

give_up() {
    printf 'image-test: %s\n' "$*" >&2
    exit 1
}

# check NAME COMMAND...: counts the command's outcome; what it printed is shown if it failed.
check() {
    local name=$1 output
    shift
    if output=$("$@" 2>&1); then
        passed=$((passed + 1))
        printf 'ok      %s\n' "$name"
    else
        failed=$((failed + 1))
        printf 'FAILED  %s\n' "$name"
        printf '%s\n' "$output" | sed 's/^/        /' | tail -n 20
    fi
}

# equal EXPECTED ACTUAL: a comparison that says what differed.
equal() {
    [ "$1" = "$2" ] || {
        printf 'expected: %s\nfound:    %s\n' "$1" "$2"
        return 1
    }
}

require_tools() {
    local missing=() tool
    [ "$(id -u)" -eq 0 ] || give_up "debootstrap and chroot need root: run it with sudo"
    for tool in buildah debootstrap curl jq git flock setpriv unshare nsenter ip apt-get; do
        command -v "$tool" >/dev/null || missing+=("$tool")
    done
    [ ${#missing[@]} -eq 0 ] || give_up "missing: ${missing[*]} (Debian: apt-get install" \
        "buildah debootstrap curl jq git util-linux iproute2)"
}

# buildah on our own storage; its cache of build folders lies below TMPDIR.
storage() {
    TMPDIR=$cache/tmp buildah --root "$cache/storage" --runroot "$cache/runroot" "$@"
}

has_image() {
    storage inspect --type image "$1" >/dev/null 2>&1
}

forget_everything() {
    storage rm --all >/dev/null 2>&1 || true
    storage rmi --all --force >/dev/null 2>&1 || true
    # The overlay driver keeps its own folder mounted.
    umount --quiet "$cache/storage/overlay" 2>/dev/null || true
    rm -rf "$cache/storage" "$cache/runroot" "$cache/tmp" "$cache"/run.*
    say "forgot the images in $cache"
}

# The processes and mounts of this run, whatever ended it.
clean_up() {
    local status=$? pid container
    for pid in "${!started_processes[@]}"; do
        kill -KILL "$pid" 2>/dev/null || true
        wait "$pid" 2>/dev/null || true
    done
    for container in "${mounted_containers[@]}"; do
        storage umount "$container" >/dev/null 2>&1 || true
        storage rm "$container" >/dev/null 2>&1 || true
    done
    rm -rf "$work"
    exit "$status"
}
