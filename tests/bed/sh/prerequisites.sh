# What the machine must have: root, Go 1.26, and a few Debian packages.

# A command (or file), and the package that brings it. The command is looked for and
# not the package, as some machines have it from elsewhere (containerd.io, for one).
NEEDED="
containerd containerd
runc runc
/usr/lib/cni/bridge containernetworking-plugins
iptables iptables
conntrack conntrack
socat socat
ip iproute2
nft nftables
mkfs.xfs xfsprogs
openssl openssl
curl curl
losetup mount
blkid util-linux
sysctl procps
flock util-linux
/bin/busybox busybox-static
"

missing_packages() {
  local command package
  while read -r command package; do
    [ -z "$command" ] || [ -x "$command" ] || [ -n "$(PATH=$PATH:/usr/sbin:/sbin type -P "$command")" ] || echo "$package"
  done <<<"$NEEDED" | sort -u
}

need_root() { [ "$(id -u)" = 0 ] || die "root is needed: namespaces, mounts and cgroups are made"; }

need_packages() {
  local missing
  missing=$(missing_packages | xargs)
  [ -z "$missing" ] || die "missing Debian packages: $missing; run: $HERE/bed install"
}

need_go() {
  local version
  version=$(GOTOOLCHAIN=local go env GOVERSION 2>/dev/null) || die "Go 1.26 or newer is needed to build the bed, and there is no go on the PATH"
  [[ $version =~ ^go1\.([0-9]+) && ${BASH_REMATCH[1]} -ge 26 ]] || die "Go 1.26 or newer is needed to build the bed; this is $version"
}

bed_install() {
  local missing
  missing=$(missing_packages | xargs)
  [ -n "$missing" ] || { say "all packages are there"; return; }
  need_root
  say "installing $missing"
  export DEBIAN_FRONTEND=noninteractive
  apt-get update -qq
  # shellcheck disable=SC2086  # a list of words
  apt-get install -y -qq --no-install-recommends $missing </dev/null
  missing=$(missing_packages | xargs)
  [ -z "$missing" ] || die "installed, and still missing: $missing"
}
