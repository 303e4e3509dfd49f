# bed down

bed_down() {
  need_root
  locked down_locked
}

# Every line also works when `up` failed before the thing was made, or when it is gone already.
down_locked() {
  local mount device
  if ! registered && [ ! -e "$BED_RUN" ]; then
    say "nothing to take down"
    return
  fi
  [ ! -e "$BED_RUN" ] || [ -e "$BED_RUN/bed" ] || [ -z "$(ls -A "$BED_RUN")" ] || die "$BED_RUN is not a bed's run directory; left alone"
  if registered && [ "$(cat "$MACHINE/beds/$BED_NS")" != "$BED_RUN" ]; then
    die "the bed $BED_NS runs in $(cat "$MACHINE/beds/$BED_NS"), not in $BED_RUN"
  fi
  # Who could start or mount something goes first, then the pods, and containerd when it ended them.
  stop kubelet-2 testbed-csi-2 kubelet kube-proxy coredns kube-scheduler kube-controller-manager csi-resizer testbed-csi kube-apiserver etcd
  end_pods
  stop containerd containerd-2
  remove_shim_sockets
  # Deepest first; lazily, as a volume's last process may still be on its way out.
  awk -v r="$BED_RUN/" 'index($2, r) == 1 { print $2 }' /proc/self/mounts | sort -r |
    while read -r mount; do umount -l "$mount" || true; done
  losetup --list --noheadings --output NAME,BACK-FILE | awk -v r="$BED_RUN/" 'index($2, r) == 1 { print $1 }' |
    while read -r device; do losetup -d "$device" 2>/dev/null || true; done
  remove_cgroups
  remove_network
  keep_logs
  unregister
  say "down"
}

# Logs of a namespace's pods as they are now, for Kubernetes deletes them with the pods.
bed_keep_logs() {
  [ "${BED_KEEP_LOGS:-0}" = 1 ] || exit 1
  mkdir -p "$BED_RUN/log/failed"
  cp -r "$BED_RUN/pod-logs/$1"_* "$BED_RUN/log/failed/"
}

keep_logs() { # BED_KEEP_LOGS=1 leaves the logs for who asks why a story failed
  if [ "${BED_KEEP_LOGS:-0}" = 1 ] && [ -d "$BED_RUN/log" ]; then
    mkdir -p "$BED_RUN.logs"
    cp -r "$BED_RUN/log" "$BED_RUN/pod-logs" "$BED_RUN.logs/"
    say "logs kept in $BED_RUN.logs"
  fi
  rm -rf --one-file-system "$BED_RUN"
}
