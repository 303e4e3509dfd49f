# Binaries, from Go modules only, into a cache that outlives every checkout.
#
# A folder of mods/ becomes $BED_CACHE/NAME-VERSION-HASH/, where HASH covers the folder's files
# and its lines of mods/BUILD: a changed pin makes a new folder and rebuilds just that, and an
# old one is never taken for it. $BED_CACHE/set-HASH/ holds links to exactly the binaries and
# images of this checkout; that is BED_BIN.

recipes() { awk -v f="$1" '$1 == f' "$MODS/BUILD"; }
folders() { awk '!/^#/ && NF && !seen[$1]++ { print $1 }' "$MODS/BUILD"; }

# version FOLDER: of the module that names it, without the v
version() {
  local module
  module=$(recipes "$1" | awk 'NR == 1 { print $2 }')
  [ "$module" != - ] || { echo own; return; }
  awk -v m="$module" '{ for (i = 1; i < NF; i++) if ($i == m) { sub(/^v/, "", $(i + 1)); print $(i + 1); exit } }' "$MODS/$1/go.mod"
}

# key FOLDER: NAME-VERSION-HASH
key() {
  local hash name=${1%%-*}
  hash=$( (cd "$MODS/$1" && find . -type f | LC_ALL=C sort | xargs sha256sum; recipes "$1") | sha256sum | cut -c1-12)
  echo "$name-$(version "$1")-$hash"
}

declare -A KEY=() VERSION=()
read_pins() {
  local folder
  [ ${#KEY[@]} = 0 ] || return 0
  for folder in $(folders); do
    KEY[$folder]=$(key "$folder")
    VERSION[$folder]=$(version "$folder")
  done
  BED_BIN=$BED_CACHE/set-$(printf '%s\n' "${KEY[@]}" | LC_ALL=C sort | cat - "$HERE/sh/images.sh" | sha256sum | cut -c1-12)
}

etcd_versions() { local f; for f in $(folders); do case $f in etcd-*) echo "${VERSION[$f]}" ;; esac; done | xargs; }

# once FOLDER COMMAND...: make $BED_CACHE/FOLDER by COMMAND TEMPORARY-FOLDER. Renamed into place
# only when whole, under a lock, so that two builds at once do not disturb each other.
once() {
  local target=$BED_CACHE/$1 temporary=$BED_CACHE/.$1.making; shift
  [ ! -d "$target" ] || return 0
  mkdir -p "$BED_CACHE/.locks"
  (
    flock 9
    [ ! -d "$target" ] || exit 0
    rm -rf "$temporary" && mkdir -p "$temporary"
    "$@" "$temporary" && mv "$temporary" "$target"
  ) 9>"$BED_CACHE/.locks/${target##*/}" || die "could not make ${target##*/}"
}

link() { [ "$BED_BIN/$2" -ef "$1" ] || { ln -sfn "$1" "$BED_BIN/.$2.$$" && mv -T "$BED_BIN/.$2.$$" "$BED_BIN/$2"; }; }

compile_folder() { # FOLDER TO
  local folder=$1 to=$2 binary package flags='-s -w' started v=${VERSION[$1]}
  need_go
  if [ "$folder" = k8s ]; then # what the API server says it is, and the kubelet registers as
    local b=k8s.io/component-base/version
    flags+=" -X $b.gitVersion=v$v -X $b.gitMajor=${v%%.*} -X $b.gitMinor=$(cut -d. -f2 <<<"$v") -X k8s.io/client-go/pkg/version.gitVersion=v$v"
  fi
  while read -r _ _ binary package; do
    binary=${binary//\{v\}/$v} started=$SECONDS
    say "building $binary"
    (cd "$MODS/$folder" && CGO_ENABLED=0 GOTOOLCHAIN=local GOWORK=off GOFLAGS='' \
      go build -mod=readonly -buildvcs=false -trimpath -ldflags "$flags" -o "$to/$binary" "$package" </dev/null 9>&-) || return 1
    say "built $binary in $((SECONDS - started)) s"
  done < <(recipes "$folder")
}

bed_build() { # [FOLDER...]
  local folder binary wanted=("$@")
  read_pins
  mkdir -p "$BED_BIN"
  [ $# != 0 ] || mapfile -t wanted < <(folders)
  for folder in "${wanted[@]}"; do
    [ -n "${KEY[$folder]:-}" ] || die "no folder mods/$folder; there are: $(folders | xargs)"
    once "${KEY[$folder]}" compile_folder "$folder"
    for binary in "$BED_CACHE/${KEY[$folder]}"/*; do link "$binary" "${binary##*/}"; done
  done
  [ $# != 0 ] || make_images
}

bed_env() {
  read_pins
  cat <<E
export BED_NS=$BED_NS
export BED_RUN=$BED_RUN
export BED_NETNS=$NETNS
export BED_BIN=$BED_BIN
export BED_ETCD_VERSIONS='$(etcd_versions)'
export KUBECONFIG=$ADMIN_CONFIG
E
}
