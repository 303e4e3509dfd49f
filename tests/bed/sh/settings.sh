# Names, places and addresses that every other file uses.
# shellcheck disable=SC2034

BED_NS=${BED_NS:-bed}                                  # names the bed: network namespace, cgroup and node
BED_RUN=${BED_RUN:-/var/tmp/reconcile-bed-$BED_NS}     # all that a running bed writes
BED_CACHE=${RECONCILE_BED_CACHE:-${XDG_CACHE_HOME:-${HOME:?}/.cache}/reconcile-bed}/$(uname -m)
MODS=$HERE/mods                                        # the Go modules, one folder each
MACHINE=/run/reconcile-bed                             # what beds on one machine must agree on

# 198.18.0.0/15 is set aside for tests of networks. Every bed uses the same
# addresses, as each has them in a network namespace of its own.
NODE_IP=198.18.0.1
POD_CIDR=198.18.0.0/24
SERVICE_PREFIX=198.18.255
CLUSTER_DOMAIN=cluster.local

NETNS=/run/netns/$BED_NS
CONTAINERD_SOCKET=$BED_RUN/containerd.sock
KUBELET_DIR=$BED_RUN/kubelet
PKI=$BED_RUN/pki
ADMIN_CONFIG=$BED_RUN/admin.conf

# Most of what runs here is Go's: it may keep four times the garbage before it looks for some, as there is more memory
# than processor.
export GOGC=${GOGC:-400}

say() { printf 'bed: %s\n' "$*" >&2; }
die() { say "$*"; exit 1; }

[[ $BED_NS =~ ^[a-z0-9]([a-z0-9-]{0,30}[a-z0-9])?$ ]] || die "BED_NS=$BED_NS: want lower-case letters, digits and hyphens, as it names a node"
# Socket paths end at 107 bytes and kubelet's add 50 to this; the mount table writes blanks as \040.
[[ $BED_RUN =~ ^/[A-Za-z0-9._/-]{1,56}$ ]] || die "BED_RUN=$BED_RUN: want an absolute path of letters, digits and ._/- of at most 57 bytes"

in_namespace() { nsenter --net="$NETNS" "$@"; }
kubectl() { in_namespace "$BED_RUN/bin/kubectl" --kubeconfig "$ADMIN_CONFIG" "$@"; }
ctr() { command ctr --address "$CONTAINERD_SOCKET" --namespace k8s.io "$@"; }
