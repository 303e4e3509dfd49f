# What goes wrong, on request: processes of the bed and of its pods.

known_processes() { find "$BED_RUN/command" -type f -printf '%f '; }

bed_stop() { # NAME...
  local name
  [ -e "$BED_RUN/up" ] || die "the bed $BED_NS is not up"
  [ $# != 0 ] || die "bed stop: which process?"
  for name in "$@"; do [ -e "$BED_RUN/command/$name" ] || die "no process $name; there are: $(known_processes)"; done
  stop "$@"
}

bed_start() { # NAME...: those that run are left alone
  local name command
  [ -e "$BED_RUN/up" ] || die "the bed $BED_NS is not up"
  [ $# != 0 ] || die "bed start: which process?"
  # shellcheck disable=SC2034  # told uses it
  STARTED=${EPOCHREALTIME/./}
  for name in "$@"; do
    [ -e "$BED_RUN/command/$name" ] || die "no process $name; there are: $(known_processes)"
    ! runs "$name" || continue
    mapfile -d '' -t command <"$BED_RUN/command/$name"
    start "$name" "${command[@]}"
  done
  for name in "$@"; do
    case $name in
    kube-apiserver | etcd) wait_for 60 "API server ready" kubectl get --raw /readyz ;;
    kubelet) wait_for 60 "node ready" kubectl wait --for=condition=Ready "node/$BED_NS" --timeout=1s ;;
    esac
  done
}

# pod_process NAMESPACE POD: pid of the first process of its first container
pod_process() {
  local id pid
  id=$(kubectl -n "$1" get pod "$2" -o 'jsonpath={.status.containerStatuses[0].containerID}')
  pid=$(ctr tasks ls | awk -v id="${id#containerd://}" '$1 == id && $3 == "RUNNING" { print $2 }')
  [ -n "$pid" ] || die "pod $1/$2 has no running process"
  echo "$pid"
}

bed_signal() { # SIGNAL NAMESPACE POD
  local pid
  [ $# = 3 ] || die "bed signal: want SIGNAL NAMESPACE POD"
  pid=$(pod_process "$2" "$3") || exit 1
  kill "-$1" "$pid"
}

bed_wipe() { # NAMESPACE POD
  local pid uid mount
  [ $# = 2 ] || die "bed wipe: want NAMESPACE POD"
  pid=$(pod_process "$1" "$2") || exit 1
  uid=$(kubectl -n "$1" get pod "$2" -o 'jsonpath={.metadata.uid}')
  for mount in "$KUBELET_DIR/pods/$uid"/volumes/kubernetes.io~csi/*/mount; do
    mountpoint -q "$mount" || die "pod $1/$2 has no volume of the bed's driver"
    # Held, so that it can neither write nor notice in between.
    kill -STOP "$pid"
    find "$mount" -mindepth 1 -delete
    kill -KILL "$pid"
  done
}
