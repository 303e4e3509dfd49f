# Processes that the bed starts, and how they are ended: by pid, and only if the pid is
# still the process that was started (its start time is noted beside the pid).

start_time() { # PID: empty if it is gone; a zombie is gone, as PID 1 of a container may reap late
  local stat
  stat=$(cat "/proc/$1/stat" 2>/dev/null) || return 0
  # shellcheck disable=SC2086  # fields after the name, which may hold blanks: the state is the first, the start time the 20th
  set -- ${stat##*) }
  [ "$1" = Z ] || echo "${20}"
}

start() { # NAME COMMAND...: in the node's network namespace
  local name=$1; shift
  printf '%s\0' "$@" >"$BED_RUN/command/$name"
  # 9 is up's lock: a process that kept it open would hold the lock for its whole life.
  setsid nsenter --net="$NETNS" "$@" >"$BED_RUN/log/$name.log" 2>&1 </dev/null 9>&- &
  echo "$! $(start_time $!)" >"$BED_RUN/pid/$name"
}

# As start, for what Kubernetes runs in pods: one that ends by itself is started again, as a kubelet does. The scheduler
# ends when what it remembers of a pod is not what the API server says after an outage ("Scheduler cache is corrupted").
kept() { # NAME COMMAND...
  local name=$1; shift
  # shellcheck disable=SC2016  # for the inner shell
  start "$name" bash -c 'while :; do setpriv --pdeathsig KILL -- "$@"; echo "ended with $?, and started again"; sleep 1; done' kept "$@"
}

runs() { # NAME: is the process that was started under this name still there?
  local pid born
  [ -e "$BED_RUN/pid/$1" ] && read -r pid born <"$BED_RUN/pid/$1" && [ -n "$born" ] && [ "$(start_time "$pid")" = "$born" ]
}

stop() { # NAME...: by KILL, as all they could still save is thrown away with the run directory
  local name pid n
  for name in "$@"; do
    if runs "$name"; then read -r pid _ <"$BED_RUN/pid/$name"; kill -9 "$pid" || true; fi
  done
  for name in "$@"; do
    for ((n = 0; n < 200; n++)); do runs "$name" || break; sleep 0.05; done
    if runs "$name"; then say "$name does not end"; else rm -f "$BED_RUN/pid/$name"; fi
  done
}

# shims: pids of the bed's containerd shims. They outlive containerd, and are known by
# the socket on their command line, which is in the run directory.
shims() {
  local d args
  for d in /proc/[0-9]*; do
    mapfile -d '' -t args <"$d/cmdline" 2>/dev/null || continue
    case "${args[0]:-}" in *containerd-shim-runc-v2) ;; *) continue ;; esac
    case " ${args[*]} " in *" -address $BED_RUN/"*) [ -z "$(start_time "${d#/proc/}")" ] || echo "${d#/proc/}" ;; esac
  done
}

wait_for() { # SECONDS WHAT COMMAND...: poll; a bed process that ends meanwhile ends the wait
  local deadline=$((${EPOCHREALTIME/./} + $1 * 1000000)) what=$2 name; shift 2
  until "$@" >/dev/null 2>&1; do
    for name in "$BED_RUN"/pid/*; do
      name=${name##*/}
      runs "$name" || die "$name ended; its last words:"$'\n'"$(tail -n 5 "$BED_RUN/log/$name.log")"
    done
    [ "${EPOCHREALTIME/./}" -lt "$deadline" ] || die "timed out: $what (logs: $BED_RUN/log; then: bed down)"
    sleep 0.1
  done
  told "$what"
}

told() { printf 'bed: %5d ms  %s\n' $(((${EPOCHREALTIME/./} - STARTED) / 1000)) "$*" >&2; }
