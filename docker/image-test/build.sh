# shellcheck shell=bash
# The images of the Dockerfile.

daemon_image=localhost/iocpd:image-test
instrument_image=localhost/iocpd-instrument:image-test

expected_version=0.0.0-image-test
expected_revision=$(git -C "$project" rev-parse HEAD 2>/dev/null || echo unknown)
expected_created=$(date -u +%Y-%m-%dT%H:%M:%SZ)

# Where git reads repositories from may be changed on this machine ("url.<base>.insteadOf"): the
# build gets the same rules, and the folders that they point to. Fills build_volumes.
collect_git_rules() {
    local rules=$work/gitconfig name value base
    # The mounted repositories belong to another user, as git sees it.
    git config --file "$rules" --add safe.directory '*'
    while read -r name value; do
        base=${name#url.}
        base=${base%.insteadof}
        git config --file "$rules" --add "url.$base.insteadOf" "$value"
        base=${base#file://}
        if [[ $base == /* && -d $base ]]; then
            build_volumes+=(--volume "$base:$base:ro")
        fi
    done < <(git config --get-regexp '^url\..*\.insteadof$' | sort -u)
    build_volumes+=(--volume "$rules:/etc/gitconfig:ro")
}

# build_target TARGET IMAGE
build_target() {
    storage build --isolation chroot --format docker --layers --force-rm --pull-never \
        --file "$here/Dockerfile" --ignorefile "$here/Dockerfile.dockerignore" \
        --target "$1" --tag "$2" \
        --build-arg VERSION="$expected_version" \
        --build-arg REVISION="$expected_revision" \
        --build-arg CREATED="$expected_created" \
        "${build_volumes[@]}" "$project"
}

build_images() {
    local target log=$cache/build.log begin=$SECONDS
    build_volumes=(--volume "$(toolchain_root):$toolchain_mount:ro")
    collect_git_rules
    : >"$log"
    # buildah does not see that a label depends on a build argument: it would take the layer with
    # the labels of the last run from its cache.
    storage rmi "$daemon_image" >/dev/null 2>&1 || true
    for target in "instrument $instrument_image" "iocpd $daemon_image"; do
        say "building the image ${target#* }"
        # shellcheck disable=SC2086
        build_target $target >>"$log" 2>&1 || {
            tail -n 40 "$log" >&2
            give_up "the image did not build, see $log"
        }
    done
    check "both images build ($((SECONDS - begin)) s)" \
        has_images "$instrument_image" "$daemon_image"
}

has_images() {
    has_image "$1" && has_image "$2"
}
