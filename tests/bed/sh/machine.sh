# What beds on one machine must agree on: who is up, and the machine-wide sysctls that
# every kubelet sets. The first bed notes their values, the last one down puts them back.

SYSCTLS="vm.overcommit_memory vm.panic_on_oom kernel.panic kernel.panic_on_oops kernel.keys.root_maxkeys kernel.keys.root_maxbytes"

locked() { # COMMAND...: one up or down of this bed at a time
  mkdir -p "$MACHINE/beds"
  exec 9>"$MACHINE/$BED_NS.lock"
  flock 9
  "$@"
}

registered() { [ -e "$MACHINE/beds/$BED_NS" ]; }

register() { # before anything else is made, so that `down` knows that it is ours
  (
    flock 8
    if [ -z "$(ls "$MACHINE/beds")" ]; then
      # shellcheck disable=SC2086  # a list of words
      sysctl $SYSCTLS >"$MACHINE/sysctl.before"
    fi
    echo "$BED_RUN" >"$MACHINE/beds/$BED_NS"
  ) 8>"$MACHINE/lock"
}

unregister() {
  (
    flock 8
    rm -f "$MACHINE/beds/$BED_NS"
    [ -n "$(ls "$MACHINE/beds")" ] || [ ! -e "$MACHINE/sysctl.before" ] || {
      sysctl -q -p "$MACHINE/sysctl.before"
      rm "$MACHINE/sysctl.before"
    }
  ) 8>"$MACHINE/lock"
}
