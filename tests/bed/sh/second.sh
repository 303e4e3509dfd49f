# A second node, for a story that loses one. It shares the first one's network namespace and bridge, so that pods of
# both reach each other; its containerd, kubelet, cgroups and pods are its own.

SECOND=$BED_RUN/second
SECOND_SOCKET=$SECOND/containerd.sock
SECOND_IP=198.18.1.1

bed_node_up() {
  local branch
  [ -e "$BED_RUN/up" ] || die "the bed $BED_NS is not up"
  read_pins
  # shellcheck disable=SC2034  # told uses it
  STARTED=${EPOCHREALTIME/./}
  mkdir -p "$SECOND/pod-logs"
  in_namespace ip addr replace $SECOND_IP/32 dev cni0
  while read -r branch; do make_cgroup "$branch/second"; done < <(cgroup_branches)
  configure_containerd "$SECOND" "$SECOND_SOCKET"
  start containerd-2 containerd --config "$SECOND/containerd.toml"
  wait_for 30 "the second containerd answers" ctr_second version
  local archive
  for archive in pause etcd-"${VERSION[etcd-3.6]}"; do ctr_second images import "$BED_RUN/bin/$archive.tar" >/dev/null; done
  configure_kubelet "$SECOND" "$BED_NS/second" "$SECOND_SOCKET" "$SECOND_IP" "healthzPort: 0"
  start kubelet-2 "$BED_RUN/bin/kubelet" --config "$SECOND/kubelet.yaml" --kubeconfig "$BED_RUN/kubelet-2.conf" \
    --root-dir "$SECOND/kubelet" --cert-dir "$SECOND/kubelet/pki" --hostname-override "$BED_NS-2" --node-ip "$SECOND_IP"
  start testbed-csi-2 "$BED_RUN/bin/testbed-csi" -kubeconfig "$ADMIN_CONFIG" -kubelet "$SECOND/kubelet" \
    -node "$BED_NS-2" -dir "$BED_RUN/volumes" -node-only
  wait_for 60 "the second node ready" kubectl wait --for=condition=Ready "node/$BED_NS-2" --timeout=1s
  wait_for 60 "its volume driver registered" grep -q 'registered: true' "$BED_RUN/log/testbed-csi-2.log"
}

ctr_second() { command ctr --address "$SECOND_SOCKET" --namespace k8s.io "$@"; }

# The power goes: nothing of it runs any more, and nobody has said goodbye. Its Node stays until someone deletes it.
bed_node_lost() {
  local id pid name
  [ -e "$SECOND" ] || die "there is no second node"
  stop kubelet-2 testbed-csi-2
  for id in $(ctr_second tasks ls -q); do ctr_second tasks kill --all --signal KILL "$id" 2>/dev/null || true; done
  stop containerd-2
  for pid in $(second_processes); do kill -9 "$pid" 2>/dev/null || true; done
  for name in kubelet-2 testbed-csi-2 containerd-2; do rm -f "$BED_RUN/command/$name"; done
}

second_processes() {
  local branch
  cgroup_branches | while read -r branch; do
    [ ! -d "$branch/second" ] || find "$branch/second" -name cgroup.procs -exec cat {} + 2>/dev/null || true
  done | sort -un
}
