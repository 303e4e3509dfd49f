// The files behind the volumes, and the provisioner that makes them for claims.
package main

import (
	"context"
	"fmt"
	"log"
	"maps"
	"os"
	"os/exec"
	"path/filepath"
	"slices"
	"strings"

	"google.golang.org/grpc/codes"
	"google.golang.org/grpc/status"
	v1 "k8s.io/api/core/v1"
	"k8s.io/apimachinery/pkg/api/resource"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/client-go/kubernetes"
	"sigs.k8s.io/sig-storage-lib-external-provisioner/v13/controller"
)

func run(cmd string, args ...string) error {
	out, err := exec.Command(cmd, args...).CombinedOutput()
	if err != nil {
		err = status.Errorf(codes.Internal, "%s %s: %v: %s", cmd, strings.Join(args, " "), err, out)
		log.Print(err)
	}
	return err
}

func file(id string) string    { return filepath.Join(*dir, filepath.Base(id)+".img") }
func mounted(path string) bool { return exec.Command("mountpoint", "-q", path).Run() == nil }
func grow(id string, n int64) (int64, error) {
	if n < minSize {
		n = minSize
	}
	if st, err := os.Stat(file(id)); err == nil && st.Size() >= n {
		return st.Size(), nil // never shrink
	}
	f, err := os.OpenFile(file(id), os.O_RDWR|os.O_CREATE, 0o600)
	if err != nil {
		return 0, err
	}
	defer f.Close()
	return n, f.Truncate(n)
}

// What a volume was last modified to, on a line each, beside its file. There is nothing that could be faster.
func modify(id string, parameters map[string]string) error {
	if tier := parameters["tier"]; tier == "none" { // for stories of one that cannot be
		return status.Errorf(codes.InvalidArgument, "no tier %q", tier)
	}
	var text strings.Builder
	for _, name := range slices.Sorted(maps.Keys(parameters)) {
		fmt.Fprintf(&text, "%s=%s\n", name, parameters[name])
	}
	return os.WriteFile(file(id)+".attributes", []byte(text.String()), 0o600)
}

type provisioner struct{ client kubernetes.Interface }

func (p provisioner) Provision(ctx context.Context, o controller.ProvisionOptions) (*v1.PersistentVolume, controller.ProvisioningState, error) {
	// The scheduler has chosen: both classes wait for the first consumer.
	home := *node
	if o.SelectedNodeName != "" {
		home = o.SelectedNodeName
	}
	// A class without room, for stories of one.
	if o.StorageClass.Parameters["room"] == "none" {
		return nil, controller.ProvisioningFinished, status.Error(codes.ResourceExhausted, "no room left for a volume of this class")
	}
	want := o.PVC.Spec.Resources.Requests[v1.ResourceStorage]
	size, err := grow(o.PVName, want.Value())
	if err != nil {
		return nil, controller.ProvisioningFinished, err
	}
	attributes := o.PVC.Spec.VolumeAttributesClassName
	if attributes != nil {
		class, err := p.client.StorageV1().VolumeAttributesClasses().Get(ctx, *attributes, metav1.GetOptions{})
		if err == nil {
			err = modify(o.PVName, class.Parameters)
		}
		if err != nil {
			return nil, controller.ProvisioningFinished, err
		}
	}
	return &v1.PersistentVolume{
		ObjectMeta: metav1.ObjectMeta{Name: o.PVName},
		Spec: v1.PersistentVolumeSpec{
			PersistentVolumeReclaimPolicy: *o.StorageClass.ReclaimPolicy,
			AccessModes:                   o.PVC.Spec.AccessModes,
			MountOptions:                  o.StorageClass.MountOptions,
			VolumeAttributesClassName:     attributes,
			Capacity:                      v1.ResourceList{v1.ResourceStorage: *resource.NewQuantity(size, resource.BinarySI)},
			PersistentVolumeSource: v1.PersistentVolumeSource{CSI: &v1.CSIPersistentVolumeSource{
				Driver: name, VolumeHandle: o.PVName, FSType: "xfs", VolumeAttributes: o.StorageClass.Parameters}},
			NodeAffinity: &v1.VolumeNodeAffinity{Required: &v1.NodeSelector{NodeSelectorTerms: []v1.NodeSelectorTerm{{
				MatchExpressions: []v1.NodeSelectorRequirement{{Key: v1.LabelHostname, Operator: v1.NodeSelectorOpIn, Values: []string{home}}}}}}},
		},
	}, controller.ProvisioningFinished, nil
}

func (provisioner) Delete(_ context.Context, pv *v1.PersistentVolume) error {
	os.Remove(file(pv.Spec.CSI.VolumeHandle) + ".attributes")
	err := os.Remove(file(pv.Spec.CSI.VolumeHandle))
	if os.IsNotExist(err) {
		return nil
	}
	return err
}
