// image makes an OCI image archive FROM scratch:
//
//	image OUT.tar NAME /path/in/image=host-file [...]
//
// One layer, no shell, no base image; the first file is the entry point. containerd
// (`ctr images import`) and kind (`kind load image-archive`) take the archive as it is.
// NAME must be fully spelled (docker.io/testbed/etcd:3.6.16), as the container
// runtime looks it up that way. The same input gives the same bytes.
package main

import (
	"archive/tar"
	"bytes"
	"crypto/sha256"
	"encoding/hex"
	"encoding/json"
	"fmt"
	"log"
	"os"
	"path"
	"runtime"
	"slices"
	"strings"
)

type object map[string]any

func check(err error) {
	if err != nil {
		log.Fatal(err)
	}
}

func put(w *tar.Writer, name string, mode int64, data []byte) {
	check(w.WriteHeader(&tar.Header{Name: name, Mode: mode, Size: int64(len(data)), Typeflag: tar.TypeReg}))
	_, err := w.Write(data)
	check(err)
}

// layer is the image's file system: the given files, a writable /tmp, and the two users the pods run as.
func layer(paths []string, files map[string]string) []byte {
	folders := []string{"etc"}
	for _, p := range paths {
		for d := path.Dir(p); d != "/"; d = path.Dir(d) {
			folders = append(folders, d[1:])
		}
	}
	slices.Sort(folders)
	var out bytes.Buffer
	w := tar.NewWriter(&out)
	for _, d := range slices.Compact(folders) {
		check(w.WriteHeader(&tar.Header{Name: d + "/", Mode: 0o755, Typeflag: tar.TypeDir}))
	}
	check(w.WriteHeader(&tar.Header{Name: "tmp/", Mode: 0o1777, Typeflag: tar.TypeDir}))
	put(w, "etc/passwd", 0o644, []byte("root:x:0:0:root:/:/none\nnonroot:x:65532:65532:nonroot:/:/none\n"))
	put(w, "etc/group", 0o644, []byte("root:x:0:\nnonroot:x:65532:\n"))
	for _, p := range paths {
		data, err := os.ReadFile(files[p])
		check(err)
		put(w, p[1:], 0o755, data)
	}
	check(w.Close())
	return out.Bytes()
}

func main() {
	if len(os.Args) < 4 {
		log.Fatal("usage: image OUT.tar NAME /path/in/image=host-file [...]")
	}
	name, files, paths := os.Args[2], map[string]string{}, []string{}
	for _, arg := range os.Args[3:] {
		p, host, ok := strings.Cut(arg, "=")
		if !ok || !path.IsAbs(p) {
			log.Fatalf("%s: want /path/in/image=host-file", arg)
		}
		files[p], paths = host, append(paths, p)
	}

	f, err := os.Create(os.Args[1])
	check(err)
	out := tar.NewWriter(f)
	blob := func(mediaType string, data []byte) object {
		sum := sha256.Sum256(data)
		digest := hex.EncodeToString(sum[:])
		put(out, "blobs/sha256/"+digest, 0o644, data)
		return object{"mediaType": "application/vnd.oci.image." + mediaType, "digest": "sha256:" + digest, "size": len(data)}
	}
	dump := func(o object) []byte {
		data, err := json.Marshal(o)
		check(err)
		return data
	}

	put(out, "oci-layout", 0o644, dump(object{"imageLayoutVersion": "1.0.0"}))
	content := blob("layer.v1.tar", layer(paths, files))
	config := blob("config.v1+json", dump(object{
		"architecture": runtime.GOARCH, "os": "linux",
		"config": object{"Env": []string{"PATH=/usr/local/bin:/"}, "Entrypoint": paths[:1], "WorkingDir": "/"},
		"rootfs": object{"type": "layers", "diff_ids": []any{content["digest"]}},
	}))
	manifest := blob("manifest.v1+json", dump(object{
		"schemaVersion": 2, "mediaType": "application/vnd.oci.image.manifest.v1+json",
		"config": config, "layers": []object{content},
	}))
	manifest["annotations"] = object{
		"io.containerd.image.name":          name,
		"org.opencontainers.image.ref.name": name[strings.LastIndex(name, ":")+1:],
	}
	put(out, "index.json", 0o644, dump(object{"schemaVersion": 2, "manifests": []object{manifest}}))
	check(out.Close())
	check(f.Close())
	fmt.Println(name)
}
