# shellcheck shell=bash
# The daemon and the instrument, run from their images.

identity='iocpd,Simulated Instrument,SN0001,1.0'
daemon_log=$cache/daemon.log

# Starts that must fail, with a daemon that is not there yet.
check_refusals() {
    say "what must be refused"
    local port
    port=$(free_port)
    contained_environment=("IOCPD_LISTEN=127.0.0.1:$port")
    check "the health check fails without a daemon" health_check_fails
    check "all addresses are refused without --insecure" refuses_open_listener "$port"
    contained_environment=()
}

health_check() {
    local command
    mapfile -t command < <(image_setting "$daemon_image" '.Healthcheck.Test[1:][]')
    in_image "$daemon_root" "$(image_setting "$daemon_image" .User)" "${command[@]}"
}

health_check_fails() {
    ! health_check
}

refuses_open_listener() {
    local output status=0
    output=$(in_image "$daemon_root" 65532:65532 \
        /usr/local/bin/iocpd serve --listen "0.0.0.0:$1" 2>&1) || status=$?
    printf 'exit status %d: %s\n' "$status" "$output"
    [ "$status" -ne 0 ] && [ "$status" -lt 126 ] && grep -q -- --insecure <<<"$output"
}

# The image as it is: its own command, on a loopback port chosen by the environment.
check_default_command() {
    say "the daemon's default command"
    local port command
    port=$(free_port)
    base=http://127.0.0.1:$port
    contained_environment=("IOCPD_LISTEN=127.0.0.1:$port")
    start_instrument --listen 127.0.0.1:0
    instrument_uri=$(sed -n 's/^listening //p' "$work/instrument.log" | head -n 1)
    mapfile -t command < <(image_setting "$daemon_image" '.Cmd[]')
    check_running "${command[@]}"
    contained_environment=()
}

# The two as docker/compose.yaml runs them: its command line, names instead of addresses.
check_compose_command() {
    say "the daemon and the instrument as docker/compose.yaml starts them"
    local arguments command
    mapfile -t arguments < <(sed -n '/^    command:/,/^    ports:/s/^      - //p' \
        "$here/compose.yaml")
    mapfile -t command < <(image_setting "$instrument_image" '.Cmd[]')
    start_network iocpd=10.254.0.1 instrument=10.254.0.2
    base=http://iocpd:4627
    instrument_uri=tcp://instrument:5025
    start_instrument "${command[@]}"
    check_running "${arguments[@]}"
    stop_network
}

# start_instrument ARGUMENT...
start_instrument() {
    local entry log=$work/instrument.log
    mapfile -t entry < <(image_setting "$instrument_image" '.Entrypoint[]')
    start_image "$log" "$instrument_root" "$(image_setting "$instrument_image" .User)" \
        "${entry[@]}" "$@"
    instrument_pid=$started_pid
    check "the instrument listens" eventually grep -q '^listening tcp://' "$log"
}

# check_running ARGUMENT...: a daemon's whole life, with a device.
check_running() {
    local entry daemon_pid failed_before=$failed
    mapfile -t entry < <(image_setting "$daemon_image" '.Entrypoint[]')
    start_image "$daemon_log" "$daemon_root" "$(image_setting "$daemon_image" .User)" \
        "${entry[@]}" "$@"
    daemon_pid=$started_pid
    check "becomes ready" eventually request GET /readyz
    check "runs as 65532" process_has "$daemon_pid" Uid 65532 65532 65532 65532
    check "has no capability" process_has "$daemon_pid" CapEff 0000000000000000
    check "can gain no privilege" process_has "$daemon_pid" NoNewPrivs 1
    check "the health check passes" health_check
    check "GET /v1/info tells the version" info_has_version
    check "a transact goes to the instrument and back" transact_works
    stop_process "$daemon_pid" 10
    check "SIGTERM ends it with status 0 in time" equal 0 "$exit_status"
    stop_process "$instrument_pid" 5
    check "SIGTERM ends the instrument with status 0, too" equal 0 "$exit_status"
    [ "$failed" -eq "$failed_before" ] || tail -n 20 "$daemon_log" | sed 's/^/        log: /'
}

# process_has PID FIELD VALUE...: looks into /proc/PID/status.
process_has() {
    local pid=$1 field=$2
    shift 2
    equal "$*" "$(awk -v field="$field:" '$1 == field { $1 = ""; print substr($0, 2) }' \
        "/proc/$pid/status")"
}

# request METHOD PATH [JSON]: the reply; fails if it is not a success.
request() {
    local resolve=()
    # The names exist in the network of the containers only, and so in no hosts file of curl's.
    [ -z "$contained_hosts" ] || resolve=(--resolve iocpd:4627:10.254.0.1)
    "${contained_prefix[@]}" curl -sS --noproxy '*' --fail-with-body --max-time 30 \
        "${resolve[@]}" -X "$1" ${3:+--json "$3"} "$base$2"
}

info_has_version() {
    local reply
    reply=$(request GET /v1/info)
    echo "$reply"
    jq -e '.version | length > 0' <<<"$reply"
}

# The five lines of a first day: port, session, transact, fetch, settle.
transact_works() {
    local reply session lease
    request PUT /v1/ports/image || return
    reply=$(request POST /v1/sessions \
        "{\"uri\":\"$instrument_uri\",\"port\":\"image\",\"deliver\":\"inline\"}")
    echo "$reply"
    session=$(jq -r .session <<<"$reply")
    request POST "/v1/sessions/$session/operations" \
        '{"op":"transact","data":"*IDN?\n","encoding":"utf8","until":"\n","context":"who"}' ||
        return
    reply=$(request POST /v1/ports/image/completions:fetch '{"wait_ms":20000,"encoding":"utf8"}')
    echo "$reply"
    equal "ok who $identity" \
        "$(jq -r '.entries[0] | "\(.status) \(.context) \(.data | rtrimstr("\n"))"' <<<"$reply")" ||
        return
    lease=$(jq -r .lease <<<"$reply")
    reply=$(request POST /v1/ports/image/completions:settle \
        "{\"lease\":\"$lease\",\"ack\":\"all\"}")
    echo "$reply"
    equal 1 "$(jq -r .acked <<<"$reply")" || return
    # Else the drain would wait for somebody to fetch the session's last entry.
    request DELETE "/v1/ports/image?force=true"
}
