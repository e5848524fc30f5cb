#!/usr/bin/env bash
# Shows the main job as a person with curl would do it, on a simulated instrument, and checks that
# what comes back is what should: `make demo`. Exit status 0 only if all of it is right.
set -euo pipefail

bin=${1:-.build/debug}
work=$(mktemp -d)
daemon=
instrument=
finish() {
    for pid in $daemon $instrument; do kill "$pid" 2>/dev/null || true; done
    wait 2>/dev/null || true
    rm -rf "$work"
}
trap finish EXIT

say() { printf '\n\033[1m# %s\033[0m\n' "$*"; }
fail() {
    printf '\nThe demo failed: %s\n' "$*" >&2
    [ -s "$work/daemon.log" ] && tail -n 20 "$work/daemon.log" >&2
    exit 1
}

# Prints a request as a person would type it, sends it, and shows the reply. It stays in $reply.
request() {
    local shown="$ curl" argument
    for argument in "$@"; do
        case $argument in
        *[\"\ \&\?]*) shown+=" '$argument'" ;;
        *) shown+=" $argument" ;;
        esac
    done
    printf '%s\n' "$shown"
    reply=$(curl --silent --show-error --max-time 30 "$@") || fail "curl: exit status $?"
    jq --compact-output . <<<"$reply"
}

# Checks the last reply with a jq expression.
expect() { jq --exit-status "$1" <<<"$reply" >/dev/null || fail "expected $1 of: $reply"; }

# Waits for a line in a file that a program of ours writes.
await() {
    local file=$1 pattern=$2 tries=0
    until grep -q "$pattern" "$file" 2>/dev/null; do
        tries=$((tries + 1))
        [ $tries -le 100 ] || fail "no \"$pattern\" in $file"
        sleep 0.05
    done
}

say 'A simulated instrument: a line protocol over TCP, in the manner of SCPI.'
"$bin/simulated-instrument" --listen 127.0.0.1:0 >"$work/instrument.log" 2>&1 &
instrument=$!
await "$work/instrument.log" listening
device=$(sed -n 's/^listening //p' "$work/instrument.log" | head -n 1)
echo "It listens on $device"

say 'The daemon, on a free port of localhost.'
"$bin/iocpd" serve --listen 127.0.0.1:0 --log-format json >"$work/daemon.log" 2>&1 &
daemon=$!
await "$work/daemon.log" '"listening"'
base=$(jq --raw-output 'select(.msg == "listening") | .address' "$work/daemon.log" | head -n 1)
echo "It listens on $base"

say 'The five lines: a port, a session, an operation, its completion, its settlement.'
request -X PUT "$base/v1/ports/lab"
expect '.port == "lab"'
request "$base/v1/sessions" --json "{\"uri\":\"$device\",\"port\":\"lab\",\"deliver\":\"inline\"}"
expect '.state == "open"'
scope=$(jq --raw-output .session <<<"$reply")
request "$base/v1/sessions/$scope/operations" --json \
    '{"op":"transact","data":"*IDN?\n","encoding":"utf8","until":"\n","context":"who"}'
expect '.operations[0].state == "pending"'
request "$base/v1/ports/lab/completions:fetch" --json '{"wait_ms":20000,"encoding":"auto"}'
expect '.entries | length == 1 and .[0].context == "who" and .[0].status == "ok"'
expect '.entries[0].data | startswith("iocpd,Simulated Instrument")'
request "$base/v1/ports/lab/completions:settle" --json \
    "{\"lease\":$(jq .lease <<<"$reply"),\"ack\":\"all\"}"
expect '.acked == 1'

say 'A batch with everything in it. Two more sessions, opened the other way: by an entry each.'
request "$base/v1/sessions" --json "{\"uri\":\"$device\",\"port\":\"lab\",\"key\":\"drops\"}"
drops=$(jq --raw-output .session <<<"$reply")
request "$base/v1/sessions" --json "{\"uri\":\"$device\",\"port\":\"lab\",\"key\":\"resets\"}"
resets=$(jq --raw-output .session <<<"$reply")
say 'One that measures, one that is never answered, one that will be cancelled:'
request "$base/v1/sessions/$scope/operations" --json '{"operations":[
 {"op":"transact","data":"MEAS:VOLT?\n","encoding":"utf8","until":"\n","context":"volts"},
 {"op":"transact","data":"SILENT?\n","encoding":"utf8","until":"\n","timeout_ms":300,"context":"silence"},
 {"op":"read","until":"\n","context":"never"}]}'
never=$(jq --raw-output '.operations[2].operation' <<<"$reply")
request "$base/v1/sessions/$scope:cancel" --json "{\"operations\":[\"$never\"]}"
expect '.cancelling == 1'
say 'One whose device closes the connection, one whose device resets it:'
request "$base/v1/sessions/$drops/operations" --json \
    '{"op":"transact","data":"DROP\n","encoding":"utf8","until":"\n","context":"dropped"}'
request "$base/v1/sessions/$resets/operations" --json \
    '{"op":"transact","data":"RESET\n","encoding":"utf8","until":"\n","context":"reset"}'
say 'And a packet of our own:'
request "$base/v1/ports/lab/packets" --json \
    '{"packets":[{"key":"me","context":"posted","data":"hello","encoding":"utf8"}]}'
expect '.accepted == 1'

say 'A worker fetches by long poll until it has all eight; each fetch settles the batch before.'
settle=
: >"$work/entries"
for _ in $(seq 20); do
    request "$base/v1/ports/lab/completions:fetch" --json \
        "{\"consumer\":\"worker-1\",\"wait_ms\":5000,\"encoding\":\"auto\"$settle}"
    expect '.reason == "entries"'
    jq --compact-output '.entries[]' <<<"$reply" >>"$work/entries"
    settle=",\"settle\":{\"lease\":$(jq .lease <<<"$reply"),\"ack\":\"all\"}"
    [ "$(wc -l <"$work/entries")" -lt 8 ] || break
done
request "$base/v1/ports/lab/completions:fetch" --json "{\"consumer\":\"worker-1\"$settle}"
expect '.reason == "timeout" and .settled.acked > 0'
reply=$(jq --slurp . "$work/entries")
printf '\n%-10s %-10s %-14s %s\n' context kind status error
jq --raw-output '.[] | [.context // .key // "-", .kind, .status, .error.code // "-"] | @tsv' \
    <<<"$reply" | while IFS=$'\t' read -r context kind status error; do
    printf '%-10s %-10s %-14s %s\n' "$context" "$kind" "$status" "$error"
done
expect 'map(select(.kind == "open" and .status == "ok")) | length == 2'
expect 'any(.[]; .context == "volts" and .status == "ok")'
expect 'any(.[]; .context == "silence" and .status == "timed_out" and .sent == 8)'
expect 'any(.[]; .context == "never" and .status == "cancelled")'
expect 'any(.[]; .context == "dropped" and .status == "end_of_stream")'
expect 'any(.[]; .context == "reset" and .status == "failed" and .error.code == "connection_reset")'
expect 'any(.[]; .context == "posted" and .kind == "packet" and .data == "hello")'
expect 'length == 8'

say 'The same outcomes again, taken as one batch by one long poll.'
request "$base/v1/sessions/$scope/operations" --json '{"operations":[
 {"op":"transact","data":"MEAS:CURR?\n","encoding":"utf8","until":"\n","context":"amps"},
 {"op":"transact","data":"SILENT?\n","encoding":"utf8","until":"\n","timeout_ms":200,"context":"silence"}]}'
request "$base/v1/sessions/$drops/operations" --json '{"op":"read","context":"after the end"}'
request "$base/v1/sessions/$resets/operations" --json '{"op":"read","context":"after the reset"}'
request "$base/v1/sessions/$scope/operations" --json '{"op":"read","until":"\n","context":"cancelled"}'
last=$(jq --raw-output '.operations[0].operation' <<<"$reply")
request "$base/v1/sessions/$scope:cancel" --json "{\"operations\":[\"$last\"]}"
request "$base/v1/ports/lab/packets" --json '{"packets":[{"context":"posted"}]}'
for _ in $(seq 100); do
    [ "$(curl -s "$base/v1/ports/lab" | jq .queued)" -lt 6 ] || break
    sleep 0.05
done
request "$base/v1/ports/lab/completions:fetch" --json '{"wait_ms":20000,"max":64,"encoding":"auto"}'
expect '[.entries[].status] | sort == ["cancelled","end_of_stream","failed","ok","ok","timed_out"]'
request "$base/v1/ports/lab/completions:settle" --json \
    "{\"lease\":$(jq .lease <<<"$reply"),\"ack\":\"all\"}"
expect '.acked == 6'

say 'Stopping: three operations are pending and a worker waits. Then SIGTERM.'
request "$base/v1/sessions/$scope/operations" --json '{"operations":[
 {"op":"read","until":"\n","context":"pending-1"},{"op":"read","until":"\n","context":"pending-2"},
 {"op":"transact","data":"SILENT?\n","encoding":"utf8","until":"\n","context":"pending-3"}]}'
curl --silent --max-time 30 "$base/v1/ports/lab/completions:fetch" --json '{"wait_ms":20000}' \
    >"$work/waiting" &
waiting=$!
for _ in $(seq 100); do
    [ "$(curl -s "$base/v1/ports/lab" | jq .waiting)" -lt 1 ] || break
    sleep 0.05
done
echo "$ kill -TERM $daemon"
kill -TERM "$daemon"
wait "$waiting" || fail 'the waiting fetch got no reply'
reply=$(<"$work/waiting")
echo "The waiting worker is told: $(jq --compact-output . <<<"$reply")"
expect '.reason == "draining" or .reason == "entries"'
entries='[]'
settle=
for _ in $(seq 50); do
    request "$base/v1/ports/lab/completions:fetch" --json "{\"max\":64$settle}"
    entries=$(jq --argjson before "$entries" '$before + .entries' <<<"$reply")
    [ "$(jq length <<<"$entries")" -lt 6 ] || break
    settle=
    if [ "$(jq '.entries | length' <<<"$reply")" -gt 0 ]; then
        settle=",\"settle\":{\"lease\":$(jq .lease <<<"$reply"),\"ack\":\"all\"}"
    fi
    sleep 0.05
done
lease=$(jq .lease <<<"$reply")
request "$base/v1/ports/lab/completions:settle" --json "{\"lease\":$lease,\"ack\":\"all\"}"
reply=$entries
expect '[.[] | select(.context // "" | startswith("pending"))] | length == 3
    and all(.[]; .status == "cancelled" and .error.code == "service_draining")'
expect '[.[] | select(.kind == "session_closed")] | length == 3'
status=0
wait "$daemon" || status=$?
daemon=
[ $status -eq 0 ] || fail "the daemon ended with status $status"
say 'Every operation gave its completion, and the daemon ended with status 0.'
