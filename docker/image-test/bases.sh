# shellcheck shell=bash
# The base images, made once and kept: Debian by debootstrap, Swift from the machine's toolchain.

debian_image=docker.io/library/debian:bookworm-slim
swift_image=docker.io/library/swift:6.3-bookworm
suite=bookworm
standard_path=/usr/local/sbin:/usr/local/bin:/usr/sbin:/usr/bin:/sbin:/bin

# Where a toolchain is mounted in the build stage: it is too large to copy into an image.
toolchain_mount=/opt/host-swift

# The Debian repositories that this machine's apt uses for the suite, one
# "URI distribution component" a line; nothing if it uses none.
host_repositories() {
    # shellcheck disable=SC2016
    apt-get indextargets --format '$(ORIGIN)|$(REPO_URI) $(RELEASE) $(COMPONENT)' \
        'Created-By: Packages' | sed -n 's/^Debian|//p' | awk -v suite="$suite" \
        '$2 == suite || index($2, suite "-") == 1' | sort -u
}

# Writes this machine's way to Debian's packages into a root: repositories, proxy, time-outs.
write_apt_settings() {
    local root=$1 repositories
    repositories=$(host_repositories)
    if [ -n "$repositories" ]; then
        rm -f "$root"/etc/apt/sources.list.d/*
        sed 's/^/deb /' <<<"$repositories" >"$root/etc/apt/sources.list"
    fi
    apt-config dump Acquire | grep -E '^Acquire::[^ ]+ "[^"]' \
        >"$root/etc/apt/apt.conf.d/90host" || true
    # A mirror behind https needs the certificates that this machine trusts.
    if grep -q ' https:' "$root/etc/apt/sources.list" && [ -d /etc/ssl/certs ]; then
        mkdir -p "$root/etc/ssl/certs"
        cp -L /etc/ssl/certs/ca-certificates.crt "$root/etc/ssl/certs/"
    fi
}

# commit_root FOLDER IMAGE: makes an image of a folder.
commit_root() {
    local container
    container=$(storage from scratch)
    storage add --quiet "$container" "$1" / >/dev/null
    storage config --env "PATH=$standard_path" --cmd bash "$container"
    storage commit --quiet --rm --format docker "$container" "$2" >/dev/null
}

ensure_debian_base() {
    if has_image "$debian_image"; then
        say "base image $debian_image: kept from an earlier run"
        return
    fi
    say "base image $debian_image: debootstrap"
    local root=$work/debian mirror log=$cache/debootstrap.log
    mirror=$(host_repositories | awk -v suite="$suite" '$2 == suite { print $1; exit }')
    # The slim image has no documentation either; without a mirror debootstrap has its own default.
    debootstrap --variant=minbase "$suite" "$root" ${mirror:+"$mirror"} >"$log" 2>&1 ||
        give_up "debootstrap failed, see $log"
    rm -rf "$root"/var/cache/apt/archives/*.deb "$root"/var/lib/apt/lists/* \
        "$root"/usr/share/{doc,man,locale}/*
    write_apt_settings "$root"
    commit_root "$root" "$debian_image"
    rm -rf "$root"
}

# The folder that holds the machine's toolchain: the one with usr/bin/swift in it.
toolchain_root() {
    local swift
    swift=$(command -v swift) || give_up "no swift in PATH"
    dirname "$(dirname "$(dirname "$(readlink -f "$swift")")")"
}

ensure_swift_base() {
    if has_image "$swift_image"; then
        say "base image $swift_image: kept from an earlier run"
        return
    fi
    say "base image $swift_image: Debian with what a toolchain needs"
    local container log=$cache/swift-base.log
    container=$(storage from --pull-never "$debian_image")
    # The packages that the official image has, but for those that only the debugger uses.
    storage run --isolation chroot "$container" -- sh -c '
        export DEBIAN_FRONTEND=noninteractive
        apt-get update && apt-get install -y --no-install-recommends \
            binutils ca-certificates gcc git libc6-dev libcurl4 libedit2 libncurses6 \
            libsqlite3-0 libstdc++-12-dev libxml2 pkg-config tzdata &&
        rm -rf /var/lib/apt/lists/*' >"$log" 2>&1 || give_up "apt-get failed, see $log"
    storage config --env "PATH=$toolchain_mount/usr/bin:$standard_path" "$container"
    storage commit --quiet --rm --format docker "$container" "$swift_image" >/dev/null
}
