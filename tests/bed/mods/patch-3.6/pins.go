//go:build tools

// Package pins names what is built from this module, so that `go mod tidy` keeps it.
package pins

import (
	_ "go.etcd.io/etcd/server/v3"
)
