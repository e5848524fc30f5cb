# shellcheck shell=bash
# Running a program in an image's root as an engine with hardened settings would: the image's
# user, no capabilities, no new privileges, a root that is read-only.

declare -A started_processes=()
mounted_containers=()

# How the next programs run. The environment is all that they see of ours; the prefix may put them
# into other namespaces; the hosts file is laid over the image's.
contained_environment=()
contained_prefix=()
contained_hosts=

# mount_image IMAGE VARIABLE: mounts a fresh container of the image, path into the variable.
mount_image() {
    local container
    container=$(storage from --pull-never "$1")
    mounted_containers+=("$container")
    printf -v "$2" '%s' "$(storage mount "$container")"
    touch "${!2}/etc/hosts"
}

# image_setting IMAGE EXPRESSION: reads the image's configuration.
image_setting() {
    storage inspect --type image "$1" | jq -r ".Docker.config | $2"
}

# contained ROOT USER COMMAND...: becomes the command, so that its process id is the caller's.
contained() {
    local root=$1 user=$2
    shift 2
    # shellcheck disable=SC2016
    exec env -i PATH=/usr/local/sbin:/usr/local/bin:/usr/sbin:/usr/bin:/sbin:/bin \
        "${contained_environment[@]}" "${contained_prefix[@]}" \
        unshare --mount --propagation private sh -c '
            root=$1 user=$2 hosts=$3
            shift 3
            mount --bind "$root" "$root" &&
            mount -t proc proc "$root/proc" &&
            mount --rbind /dev "$root/dev" &&
            { [ -z "$hosts" ] || mount --bind "$hosts" "$root/etc/hosts"; } &&
            mount -o remount,bind,ro "$root" &&
            exec setpriv --no-new-privs chroot --userspec="$user" "$root" "$@"
        ' contained "$root" "$user" "$contained_hosts" "$@" 9>&-
}

# in_image ROOT USER COMMAND...: runs to the end, at most 30 s.
in_image() {
    (contained "$@") &
    local pid=$! count
    for ((count = 0; count < 300; count++)); do
        kill -0 "$pid" 2>/dev/null || break
        sleep 0.1
    done
    kill -KILL "$pid" 2>/dev/null || true
    wait "$pid"
}

# start_image LOG ROOT USER COMMAND...: in the background; the process id is in started_pid.
start_image() {
    local log=$1
    shift
    (contained "$@") >"$log" 2>&1 &
    started_pid=$!
    started_processes[$started_pid]=running
}

# stop_process PID SECONDS: SIGTERM; its exit status is in exit_status, 137 if it had to be killed.
#
# Not to be called in a subshell: only the shell that started a process can wait for it.
stop_process() {
    local pid=$1 count
    exit_status=0
    kill -TERM "$pid" 2>/dev/null || true
    for ((count = 0; count < $2 * 10; count++)); do
        kill -0 "$pid" 2>/dev/null || break
        sleep 0.1
    done
    kill -KILL "$pid" 2>/dev/null || true
    wait "$pid" || exit_status=$?
    unset "started_processes[$pid]"
}

# start_network NAME=ADDRESS...: a network and host name of their own, in which the names resolve,
# for the programs that start from now on. Its host name is the first name.
start_network() {
    local pair ready=$work/network.ready
    contained_hosts=$work/hosts
    {
        echo '127.0.0.1 localhost'
        for pair in "$@"; do
            echo "${pair#*=} ${pair%%=*}"
        done
    } >"$contained_hosts"
    # The addresses lie on the loopback interface, yet are no loopback addresses: rules by name
    # hold for them as they would between containers.
    # shellcheck disable=SC2016
    unshare --net --uts sh -c '
        ready=$1 name=${2%%=*}
        shift
        echo "$name" >/proc/sys/kernel/hostname && ip link set lo up || exit
        for pair in "$@"; do ip address add "${pair#*=}/32" dev lo || exit; done
        : >"$ready"
        exec sleep 600
    ' network "$ready" "$@" 9>&- &
    network_pid=$!
    started_processes[$network_pid]=running
    eventually test -e "$ready" || give_up "cannot make a network namespace"
    contained_prefix=(nsenter --target "$network_pid" --net --uts)
}

stop_network() {
    kill -KILL "$network_pid" 2>/dev/null || true
    wait "$network_pid" 2>/dev/null || true
    unset "started_processes[$network_pid]"
    contained_prefix=()
    contained_hosts=
}

# free_port: a port of loopback on which nothing answers.
free_port() {
    local port count
    for ((count = 0; count < 100; count++)); do
        port=$((20000 + RANDOM % 10000))
        (: <>"/dev/tcp/127.0.0.1/$port") 2>/dev/null || {
            echo "$port"
            return
        }
    done
    give_up "found no free port"
}

# eventually COMMAND...: until it succeeds, at most 20 s.
eventually() {
    local count
    for ((count = 0; count < 200; count++)); do
        "$@" >/dev/null 2>&1 && return
        sleep 0.1
    done
    "$@"
}
