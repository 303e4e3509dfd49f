# bed up

bed_up() {
  need_root
  need_packages
  bed_build
  locked up_locked
}

up_locked() {
  # shellcheck disable=SC2034  # told uses it
  STARTED=${EPOCHREALTIME/./}
  if registered && whole; then
    told "already up"
    return
  fi
  # A bed that died, or an `up` that failed half-way, leaves things behind.
  if registered || [ -e "$BED_RUN" ]; then down_locked; fi
  [ ! -e "$NETNS" ] || die "$NETNS is there and not ours: choose another BED_NS"

  register
  mkdir -p "$BED_RUN"/{log,pid,command,pod-logs}
  echo "$BED_NS" >"$BED_RUN/bed"
  ln -s "$BED_BIN" "$BED_RUN/bin"
  make_network
  start_containerd
  make_keys
  start_control_plane
  make_cgroups
  wait_for 30 "containerd answers" ctr version
  import_images
  told "images imported"
  wait_for 90 "API server ready" kubectl get --raw /readyz
  start_kubelet
  start_dns
  start_services
  start_volumes
  wait_for 60 "node ready" kubectl wait --for=condition=Ready "node/$BED_NS" --timeout=1s
  wait_for 60 "DNS ready" in_namespace curl -fs http://127.0.0.1:8181/ready
  wait_for 60 "volume driver registered" grep -q 'registered: true' "$BED_RUN/log/testbed-csi.log"
  wait_for 60 "default service account" kubectl -n default get serviceaccount default
  touch "$BED_RUN/up"
  told "up"
}
