# etcd, API server, controller-manager and scheduler, as plain processes.

start_control_plane() {
  local bin=$BED_RUN/bin
  start etcd "$bin/etcd-${VERSION[etcd-3.6]}" --data-dir "$BED_RUN/etcd" --unsafe-no-fsync --log-level warn \
    --listen-client-urls http://127.0.0.1:2379 --advertise-client-urls http://127.0.0.1:2379 \
    --listen-peer-urls http://127.0.0.1:2380
  # InternalIP: the default order looks the node up by its host name first, which no DNS knows.
  start kube-apiserver "$bin/kube-apiserver" --etcd-servers http://127.0.0.1:2379 \
    --bind-address 0.0.0.0 --advertise-address "$NODE_IP" --secure-port 6443 \
    --tls-cert-file "$PKI/apiserver.crt" --tls-private-key-file "$PKI/apiserver.key" --client-ca-file "$PKI/ca.crt" \
    --kubelet-preferred-address-types InternalIP \
    --kubelet-client-certificate "$PKI/admin.crt" --kubelet-client-key "$PKI/admin.key" \
    --service-account-issuer "https://kubernetes.default.svc" --service-account-key-file "$PKI/sa.pub" \
    --service-account-signing-key-file "$PKI/sa.key" --service-cluster-ip-range "$SERVICE_PREFIX.0/24" \
    --authorization-mode Node,RBAC --allow-privileged
  kept kube-controller-manager "$bin/kube-controller-manager" --kubeconfig "$ADMIN_CONFIG" --leader-elect=false \
    --service-account-private-key-file "$PKI/sa.key" --root-ca-file "$PKI/ca.crt" --bind-address 127.0.0.1
  kept kube-scheduler "$bin/kube-scheduler" --kubeconfig "$ADMIN_CONFIG" --leader-elect=false --bind-address 127.0.0.1
}
