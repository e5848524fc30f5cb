# shellcheck shell=bash
# What must be true of the images, seen from outside.

check_configuration() {
    say "the images' configuration"
    local image=$daemon_image
    check "runs as a user without rights" equal 65532:65532 "$(image_setting "$image" .User)"
    check "SIGTERM stops it" equal SIGTERM "$(image_setting "$image" .StopSignal)"
    check "its port is exposed" equal 4627/tcp "$(image_setting "$image" '.ExposedPorts | keys[0]')"
    check "entry point" equal '["/usr/local/bin/iocpd"]' \
        "$(image_setting "$image" '.Entrypoint|@json')"
    check "default command" equal '["serve"]' "$(image_setting "$image" '.Cmd|@json')"
    check "health check" equal '["CMD","iocpd","healthcheck"]' \
        "$(image_setting "$image" '.Healthcheck.Test|@json')"
    check "label title" equal iocpd "$(image_label title)"
    check "label licenses" equal Apache-2.0 "$(image_label licenses)"
    check "label version" equal "$expected_version" "$(image_label version)"
    check "label revision" equal "$expected_revision" "$(image_label revision)"
    check "label created" equal "$expected_created" "$(image_label created)"
    check "the instrument runs as the same user" \
        equal 65532:65532 "$(image_setting "$instrument_image" .User)"
}

image_label() {
    image_setting "$daemon_image" ".Labels[\"org.opencontainers.image.$1\"]"
}

check_contents() {
    say "the images' contents"
    mount_image "$daemon_image" daemon_root
    mount_image "$instrument_image" instrument_root
    printf '        %s MB in all, %s KB the daemon\n' \
        "$(du -sm "$daemon_root" | cut -f1)" \
        "$(du -sk "$daemon_root/usr/local/bin/iocpd" | cut -f1)"
    check "no library is missing" no_missing_library
    check "the Swift library is linked in" no_swift_library
    check "no simulated instrument in the daemon's image" \
        test ! -e "$daemon_root/usr/local/bin/simulated-instrument"
    check "no compiler in the daemon's image" test ! -e "$daemon_root/usr/bin/gcc"
    check "the licence is there" test -s "$daemon_root/usr/share/doc/iocpd/LICENSE"
    check "its user cannot write to the root" cannot_write
}

libraries() {
    in_image "$daemon_root" 65532:65532 ldd /usr/local/bin/iocpd
}

no_missing_library() {
    local list
    list=$(libraries)
    echo "$list"
    grep -q libmicrohttpd <<<"$list" && ! grep -q 'not found' <<<"$list"
}

no_swift_library() {
    local list
    list=$(libraries)
    echo "$list"
    grep -q 'libc\.so' <<<"$list" && ! grep -qi 'lib[^ ]*swift' <<<"$list"
}

cannot_write() {
    # Root inside, so that only the read-only mount can be what refuses.
    ! in_image "$daemon_root" 0:0 touch /usr/local/bin/written &&
        ! in_image "$daemon_root" 65532:65532 touch /tmp/written &&
        in_image "$daemon_root" 65532:65532 true
}
