# bed status, bed exec

whole() { # up, and every process that up started is there
  local name
  [ -e "$BED_RUN/up" ] || return 1
  for name in "$BED_RUN"/command/*; do runs "${name##*/}" || return 1; done
}

bed_status() {
  local name
  if ! registered && [ ! -e "$BED_RUN" ]; then echo "down"; return 1; fi
  echo "name $BED_NS, run directory $BED_RUN, cgroup v$(cgroup_version)"
  for name in "$BED_RUN"/command/*; do
    name=${name##*/}
    if runs "$name"; then echo "$name runs"; elif [ "$name" != '*' ]; then echo "$name ENDED"; fi
  done
  if whole; then echo "up"; else echo "NOT whole: bed up makes it anew"; return 1; fi
}

bed_exec() {
  [ $# != 0 ] || die "bed exec: which command?"
  [ -e "$BED_RUN/up" ] || die "the bed $BED_NS is not up"
  KUBECONFIG=$ADMIN_CONFIG PATH=$BED_RUN/bin:$PATH exec nsenter --net="$NETNS" -- "$@"
}
