#!/usr/bin/env bash
# Builds the images of docker/Dockerfile and runs them, without a Docker engine.
#
# buildah builds with chroot isolation, on base images that debootstrap makes from the machine's
# own Debian mirror and its own Swift toolchain, under the official images' names. They live in a
# storage of this script's own, so nothing else on the machine takes them for the real ones.
#
#   docker/image-test.sh          build, run, check
#   docker/image-test.sh clean    forget the bases and all that was built
#
# IMAGE_TEST_CACHE: where all of it is kept (default /var/tmp/iocpd-image-test).
set -euo pipefail

here=$(cd "$(dirname "${BASH_SOURCE[0]}")" && pwd)
project=$(dirname "$here")
cache=${IMAGE_TEST_CACHE:-/var/tmp/iocpd-image-test}

# shellcheck source=image-test/common.sh
source "$here/image-test/common.sh"
# shellcheck source=image-test/bases.sh
source "$here/image-test/bases.sh"
# shellcheck source=image-test/build.sh
source "$here/image-test/build.sh"
# shellcheck source=image-test/contain.sh
source "$here/image-test/contain.sh"
# shellcheck source=image-test/checks.sh
source "$here/image-test/checks.sh"
# shellcheck source=image-test/service.sh
source "$here/image-test/service.sh"

require_tools
mkdir -p "$cache/tmp"
# One run at a time: they share the storage.
exec 9>"$cache/lock"
flock --nonblock 9 || give_up "another run uses $cache"

if [ "${1:-}" = clean ]; then
    forget_everything
    exit 0
fi

work=$(mktemp -d "$cache/run.XXXXXX")
trap clean_up EXIT

ensure_debian_base
ensure_swift_base
build_images
check_configuration
check_contents
check_refusals
check_default_command
check_compose_command

printf '%d passed, %d failed\n' "$passed" "$failed"
[ "$failed" -eq 0 ]
