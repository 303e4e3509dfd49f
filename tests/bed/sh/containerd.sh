# Debian's containerd and runc, with everything they write below the run directory.

start_containerd() { configure_containerd "$BED_RUN" "$CONTAINERD_SOCKET"; start containerd containerd --config "$BED_RUN/containerd.toml"; }

configure_containerd() { # DIRECTORY SOCKET: all that this containerd writes, and where it is asked
  local run=$1 socket=$2 cni=/usr/lib/cni
  [ -x $cni/bridge ] || cni=/opt/cni/bin
  # restrict_oom_score_adj: root without CAP_SYS_RESOURCE may not lower oom_score_adj, and every
  # sandbox would fail with "can't get final child's PID from pipe: EOF".
  cat >"$run/containerd.toml" <<T
version = 2
root = "$run/containerd"
state = "$run/containerd-state"
disabled_plugins = ["io.containerd.snapshotter.v1.aufs", "io.containerd.snapshotter.v1.btrfs",
  "io.containerd.snapshotter.v1.devmapper", "io.containerd.snapshotter.v1.zfs", "io.containerd.internal.v1.opt"]
[grpc]
  address = "$socket"
[plugins."io.containerd.grpc.v1.cri"]
  sandbox_image = "docker.io/testbed/pause:1"
  restrict_oom_score_adj = true
  netns_mounts_under_state_dir = true
  [plugins."io.containerd.grpc.v1.cri".cni]
    bin_dir = "$cni"
    conf_dir = "$BED_RUN/cni"
  [plugins."io.containerd.grpc.v1.cri".containerd.runtimes.runc]
    runtime_type = "io.containerd.runc.v2"
    [plugins."io.containerd.grpc.v1.cri".containerd.runtimes.runc.options]
      SystemdCgroup = false
      Root = "$run/runc"
T
}

import_images() {
  local archive
  for archive in "$BED_RUN"/bin/*.tar; do ctr images import "$archive" >/dev/null; done
}

# end_pods: through containerd while it answers, so that shims tidy up after themselves;
# what is left then (all of it, if containerd is dead) is killed.
end_pods() {
  local id pid n
  if runs containerd && ctr version >/dev/null 2>&1; then
    for id in $(ctr tasks ls -q); do ctr tasks kill --all --signal KILL "$id" 2>/dev/null || true; done
    for id in $(ctr tasks ls -q); do ctr tasks delete --force "$id" >/dev/null 2>&1 || true; done
  fi
  for pid in $(cgroup_processes) $(shims); do kill -9 "$pid" 2>/dev/null || true; done
  for ((n = 0; n < 50; n++)); do [ -n "$(cgroup_processes)$(shims)" ] || break; sleep 0.1; done
}

# The shims' sockets are the one thing that containerd keeps elsewhere.
remove_shim_sockets() {
  local address
  for address in "$BED_RUN"{,/second}/containerd-state/io.containerd.runtime.v2.task/*/*/address; do
    [ ! -e "$address" ] || rm -f "$(sed 's|^unix://||' "$address")"
  done
}
