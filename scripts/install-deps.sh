#!/usr/bin/env bash
# Installs the Debian packages that the build and the tests need and that are missing. Elsewhere it
# says what is needed.
set -euo pipefail

packages=(
    libmicrohttpd-dev libjansson-dev libgnutls28-dev liburing-dev pkg-config # the daemon stands on these
    curl jq                                          # the README and the demo
    python3 python3-venv redis-server socat ser2net openssl gnutls-bin # tests
    ca-certificates                                  # whom TLS trusts
)
if [ "${IMAGE_TEST:-}" = 1 ]; then
    packages+=(buildah debootstrap git util-linux iproute2)
fi
if [ "${BENCH:-}" = 1 ]; then
    # The peers, what builds our programs, and what counts instructions and system calls.
    packages+=(webdis wrk libboost-dev gcc g++ libc6-dev make binutils valgrind strace)
fi

if ! command -v swift >/dev/null; then
    echo "A Swift 6.3 toolchain is needed: see https://www.swift.org/install/linux/" >&2
    exit 1
fi
if ! command -v dpkg-query >/dev/null; then
    echo "This is no Debian. Please install what these packages hold: ${packages[*]}" >&2
    exit 0
fi
missing=()
for package in "${packages[@]}"; do
    status=$(dpkg-query -W -f '${Status}' "$package" 2>/dev/null || true)
    [ "$status" = "install ok installed" ] || missing+=("$package")
done
[ ${#missing[@]} -eq 0 ] && exit 0

echo "Installing ${missing[*]}"
root=()
if [ "$(id -u)" -ne 0 ]; then
    if ! command -v sudo >/dev/null; then
        echo "Not root, and no sudo: please install ${missing[*]}" >&2
        exit 1
    fi
    root=(sudo)
fi
"${root[@]}" apt-get update -qq
# Daemons that tests start themselves shall not be started by their packages.
"${root[@]}" env DEBIAN_FRONTEND=noninteractive RUNLEVEL=1 \
    apt-get install -y -qq --no-install-recommends "${missing[@]}" >/dev/null
