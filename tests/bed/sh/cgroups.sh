# The bed's own branch of the cgroup tree, /BED_NS, on cgroup v1 and v2.

CGROUPS=/sys/fs/cgroup
cgroup_version() { if [ "$(stat -fc %T "$CGROUPS")" = cgroup2fs ]; then echo 2; else echo 1; fi; }

# cgroup_branches: the folders that are the bed's, one for each v1 hierarchy, or the one of v2.
# On a v1 machine `unified` is a v2 tree without controllers beside the hierarchies: runc uses it.
cgroup_branches() {
  local hierarchy
  if [ "$(cgroup_version)" = 2 ]; then echo "$CGROUPS/$BED_NS"; return; fi
  for hierarchy in "$CGROUPS"/*/; do
    [ -L "${hierarchy%/}" ] || echo "$hierarchy$BED_NS"
  done
}

make_cgroups() {
  local branch controller
  if [ "$(cgroup_version)" = 2 ]; then
    # Controllers must be handed down level by level; kubelet does it below our branch. The
    # machine's root may hold processes and hand down all the same; a container's may not.
    for controller in cpu cpuset io memory pids hugetlb; do
      grep -qw "$controller" "$CGROUPS/cgroup.controllers" || continue
      grep -qw "$controller" "$CGROUPS/cgroup.subtree_control" || echo "+$controller" >"$CGROUPS/cgroup.subtree_control" ||
        [ "$controller" = hugetlb ] || [ "$controller" = io ] ||
        die "cgroup v2: $CGROUPS cannot hand down '$controller'. In a container, move the processes of its root cgroup to a leaf first"
    done
  fi
  while read -r branch; do make_cgroup "$branch"; done < <(cgroup_branches)
}

make_cgroup() { # DIRECTORY
  local controller
  mkdir -p "$1"
  # A new v1 cpuset is empty, and nothing may run in it.
  for controller in cpus mems; do
    [ ! -e "$1/cpuset.$controller" ] || [ "$(cgroup_version)" = 2 ] ||
      cat "${1%/*}/cpuset.$controller" >"$1/cpuset.$controller"
  done
}

# cgroup_processes: whatever still runs in the bed's pods
cgroup_processes() {
  local branch
  cgroup_branches | while read -r branch; do
    [ ! -d "$branch" ] || find "$branch" -name cgroup.procs -exec cat {} + 2>/dev/null || true
  done | sort -un
}

remove_cgroups() {
  local branch n
  while read -r branch; do
    for ((n = 0; n < 50; n++)); do # a killed process leaves its cgroup a little later
      [ -d "$branch" ] || break
      find "$branch" -depth -type d -exec rmdir {} \; 2>/dev/null || true
      [ ! -d "$branch" ] || sleep 0.1
    done
    [ ! -d "$branch" ] || say "cgroup $branch could not be removed"
  done < <(cgroup_branches)
}
