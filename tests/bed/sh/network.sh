# The node is a network namespace with a bridge and no way out: nothing of the machine's own
# network or packet filter is touched, and whatever talks to the cluster must be inside.
# Enter it with nsenter, NOT `ip netns exec`, which mounts a new /sys and so hides the cgroups.

make_network() {
  ip netns add "$BED_NS" # (mounts only below /run/netns)
  # kube-proxy's DNAT of local traffic to a Service needs some route to exist; there is no default route.
  in_namespace sh -e <<N
ip link set lo up
ip link add cni0 type bridge
ip addr add $NODE_IP/24 dev cni0
ip link set cni0 up
ip route add $SERVICE_PREFIX.0/24 dev cni0
echo 1 >/proc/sys/net/ipv4/ip_forward
N
  mkdir -p "$BED_RUN/cni"
  cat >"$BED_RUN/cni/10-bed.conflist" <<J
{"cniVersion": "0.4.0", "name": "$BED_NS", "plugins": [
  {"type": "bridge", "bridge": "cni0", "isGateway": true, "hairpinMode": true,
   "ipam": {"type": "host-local", "dataDir": "$BED_RUN/cni/ipam", "ranges": [[{"subnet": "$POD_CIDR"}]],
            "routes": [{"dst": "0.0.0.0/0"}]}},
  {"type": "portmap", "capabilities": {"portMappings": true}}]}
J
}

remove_network() { [ ! -e "$NETNS" ] || ip netns del "$BED_NS"; }
