# The cluster's keys and kubeconfigs: one CA, made anew for every bed.

signed() { # FILE SUBJECT [SUBJECT-ALTERNATIVE-NAMES]
  openssl req -new -newkey ec -pkeyopt ec_paramgen_curve:P-256 -nodes -subj "$2" \
    -keyout "$PKI/$1.key" -out "$PKI/$1.csr" 2>/dev/null
  printf 'extendedKeyUsage=clientAuth,serverAuth\n%s\n' "${3:+subjectAltName=$3}" |
    openssl x509 -req -in "$PKI/$1.csr" -CA "$PKI/ca.crt" -CAkey "$PKI/ca.key" -CAcreateserial \
      -days 30 -extfile /dev/stdin -out "$PKI/$1.crt" 2>/dev/null
}

kubeconfig() { # FILE CERTIFICATE: with the keys inside, so that the file is enough
  local ca crt key
  ca=$(base64 -w0 "$PKI/ca.crt") crt=$(base64 -w0 "$PKI/$2.crt") key=$(base64 -w0 "$PKI/$2.key")
  cat >"$1" <<Y
apiVersion: v1
kind: Config
current-context: bed
clusters: [{name: bed, cluster: {server: "https://$NODE_IP:6443", certificate-authority-data: $ca}}]
users: [{name: $2, user: {client-certificate-data: $crt, client-key-data: $key}}]
contexts: [{name: bed, context: {cluster: bed, user: $2}}]
Y
}

make_keys() {
  local service=kubernetes.default.svc
  mkdir -p "$PKI"
  openssl req -x509 -newkey ec -pkeyopt ec_paramgen_curve:P-256 -nodes -days 30 -subj /CN=bed-ca \
    -keyout "$PKI/ca.key" -out "$PKI/ca.crt" 2>/dev/null
  signed apiserver /CN=kube-apiserver \
    "IP:127.0.0.1,IP:$NODE_IP,IP:$SERVICE_PREFIX.1,DNS:localhost,DNS:kubernetes,DNS:kubernetes.default,DNS:$service,DNS:$service.$CLUSTER_DOMAIN"
  signed admin /O=system:masters/CN=admin
  signed kubelet "/O=system:nodes/CN=system:node:$BED_NS"
  signed kubelet-2 "/O=system:nodes/CN=system:node:$BED_NS-2"
  openssl genrsa -out "$PKI/sa.key" 2048 2>/dev/null
  openssl rsa -in "$PKI/sa.key" -pubout -out "$PKI/sa.pub" 2>/dev/null
  kubeconfig "$ADMIN_CONFIG" admin
  kubeconfig "$BED_RUN/kubelet.conf" kubelet
  kubeconfig "$BED_RUN/kubelet-2.conf" kubelet-2
}
