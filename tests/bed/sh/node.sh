# The node: kubelet, DNS, Services and volumes.

start_kubelet() {
  : >"$BED_RUN/resolv.conf" # pods see only the cluster's DNS
  configure_kubelet "$BED_RUN" "$BED_NS" "$CONTAINERD_SOCKET" "$NODE_IP"
  start kubelet "$BED_RUN/bin/kubelet" --config "$BED_RUN/kubelet.yaml" --kubeconfig "$BED_RUN/kubelet.conf" \
    --root-dir "$KUBELET_DIR" --cert-dir "$KUBELET_DIR/pki" --hostname-override "$BED_NS" --node-ip "$NODE_IP"
}

configure_kubelet() { # DIRECTORY CGROUP SOCKET ADDRESS [MORE]
  # evictionHard: not in parts of a disk that is others' too. Where it is reached, images that no pod runs are removed,
  # and nothing brings them back.
  # failCgroupV1: kubelet 1.35 and newer refuses cgroup v1 unless told. cgroupfs: there may be no systemd.
  cat >"$1/kubelet.yaml" <<Y
apiVersion: kubelet.config.k8s.io/v1beta1
kind: KubeletConfiguration
failCgroupV1: false
cgroupDriver: cgroupfs
cgroupRoot: /$2
containerRuntimeEndpoint: unix://$3
failSwapOn: false
authentication: {x509: {clientCAFile: $PKI/ca.crt}, anonymous: {enabled: false}, webhook: {enabled: false}}
authorization: {mode: AlwaysAllow}
address: $4
healthzBindAddress: 127.0.0.1
clusterDNS: [$NODE_IP]
clusterDomain: $CLUSTER_DOMAIN
resolvConf: $BED_RUN/resolv.conf
podLogsDir: $1/pod-logs
volumePluginDir: $1/kubelet/flex
makeIPTablesUtilChains: false
evictionHard: {memory.available: 100Mi, nodefs.available: 256Mi, imagefs.available: 256Mi, nodefs.inodesFree: 1%}
imageGCHighThresholdPercent: 100
registerNode: true
syncFrequency: 10s
maxPods: 200
${5:-}
Y
}

# CoreDNS is a plain process on the node's address. Answers live for 1 s: names of pods move with them.
start_dns() {
  cat >"$BED_RUN/Corefile" <<C
$CLUSTER_DOMAIN:53 in-addr.arpa:53 {
  bind $NODE_IP
  errors
  ready 127.0.0.1:8181
  kubernetes $CLUSTER_DOMAIN in-addr.arpa {
    kubeconfig $ADMIN_CONFIG
    ttl 1
  }
}
C
  kept coredns "$BED_RUN/bin/coredns" -conf "$BED_RUN/Corefile"
}

start_services() { # ClusterIPs
  kept kube-proxy "$BED_RUN/bin/kube-proxy" --kubeconfig "$ADMIN_CONFIG" --hostname-override "$BED_NS" \
    --proxy-mode nftables --cluster-cidr "$POD_CIDR" --bind-address 127.0.0.1 --conntrack-max-per-core 0
}

start_volumes() { # classes testbed-hdd and testbed-ssd, made on demand and growable
  start testbed-csi "$BED_RUN/bin/testbed-csi" -kubeconfig "$ADMIN_CONFIG" -kubelet "$KUBELET_DIR" \
    -node "$BED_NS" -dir "$BED_RUN/volumes"
  kept csi-resizer "$BED_RUN/bin/csi-resizer" --kubeconfig "$ADMIN_CONFIG" \
    --csi-address "$KUBELET_DIR/plugins/testbed.csi/csi.sock"
  kubectl apply -f "$HERE/manifests/csi.yaml" >/dev/null
}
