# The images, made FROM scratch out of the built binaries, and kept in the cache as well.

# Debian's, for what copies files: it is the only image with a shell.
BUSYBOX=/bin/busybox

# images: one line each: archive, full name, the folder of mods/ it comes from (- for this machine), files
image_list() {
  local folder v applets
  applets=$(printf "/usr/local/bin/%s=$BUSYBOX " sh cp find mv rm sha256sum sync)
  echo "busybox docker.io/testbed/busybox:1 - $applets"
  echo "pause docker.io/testbed/pause:1 pause /pause=pause"
  echo "writer docker.io/testbed/writer:1 writer /usr/local/bin/writer=writer"
  echo "toxiproxy docker.io/testbed/toxiproxy:${VERSION[toxiproxy]} toxiproxy /usr/local/bin/toxiproxy-server=toxiproxy-server"
  for folder in $(folders); do
    v=${VERSION[$folder]}
    case $folder in
    etcd-*) ;;
    patch-*) # another patch level, for members only
      echo "etcd-$v docker.io/testbed/etcd:$v $folder /usr/local/bin/etcd=etcd-$v"
      continue ;;
    *) continue ;;
    esac
    echo "etcd-$v docker.io/testbed/etcd:$v $folder" \
      "/usr/local/bin/etcd=etcd-$v /usr/local/bin/etcdctl=etcdctl-$v /usr/local/bin/etcdutl=etcdutl-$v"
  done
}

make_image() { # ARCHIVE NAME FOLDER FILE... TO
  local archive=$1 name=$2 from='' to=${*: -1} files=("${@:4:$#-4}")
  [ "$3" = - ] || from=$BED_CACHE/${KEY[$3]}/
  "$BED_CACHE/${KEY[image]}/image" "$to/$archive.tar" "$name" "${files[@]/=/=$from}" >/dev/null 9>&-
}

make_images() {
  local archive name folder files key how of
  ! ldd "$BUSYBOX" >/dev/null 2>&1 || die "$BUSYBOX needs libraries: install busybox-static instead of busybox"
  [ -x "$BUSYBOX" ] || die "no $BUSYBOX: run $HERE/bed install"
  how=$(cat "$HERE/sh/images.sh" "$MODS/image/main.go" | sha256sum | cut -c1-12)
  while read -r archive name folder files; do
    of=${KEY[$folder]:-}
    [ -n "$of" ] || of=$archive-$(sha256sum "$BUSYBOX" | cut -c1-12)
    key=image-$of-$how
    # shellcheck disable=SC2086  # a list of words
    once "$key" make_image "$archive" "$name" "$folder" $files
    link "$BED_CACHE/$key/$archive.tar" "$archive.tar"
  done < <(image_list)
}

bed_images() {
  local to=$1 archive
  bed_build
  mkdir -p "$to"
  for archive in "$BED_BIN"/*.tar; do cp -L "$archive" "$to/${archive##*/}"; done
  image_list | awk '{ print $2 }'
}
