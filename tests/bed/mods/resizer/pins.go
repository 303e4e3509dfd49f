//go:build tools

// Package pins names what is built from this module, so that `go mod tidy` keeps it.
package pins

import _ "github.com/kubernetes-csi/external-resizer/v2/cmd/csi-resizer"
