package main

import (
	"context"
	"errors"
	"fmt"
	"time"

	"go.etcd.io/etcd/api/v3/v3rpc/rpctypes"
	clientv3 "go.etcd.io/etcd/client/v3"
)

// read gives all that the endpoint holds of the writers' keys: linearizable as of now if the
// revision is 0, else its own copy at that revision, for which it is waited.
func read(endpoint string, revision int64) (have map[string]string, at int64, err error) {
	deadline := time.Now().Add(*patience)
	for {
		have, at, err = readOnce(endpoint, revision)
		behind := errors.Is(err, rpctypes.ErrFutureRev)
		if err == nil || time.Now().After(deadline) || (revision != 0 && errors.Is(err, rpctypes.ErrCompacted)) {
			if behind {
				err = fmt.Errorf("has not reached revision %d after %s", revision, *patience)
			}
			return have, at, err
		}
		time.Sleep(100 * time.Millisecond)
	}
}

func readOnce(endpoint string, revision int64) (map[string]string, int64, error) {
	c, err := client(endpoint)
	if err != nil {
		return nil, 0, err
	}
	defer c.Close()
	have := map[string]string{}
	for from := *prefix; ; {
		options := []clientv3.OpOption{clientv3.WithRange(clientv3.GetPrefixRangeEnd(*prefix)), clientv3.WithLimit(5000), clientv3.WithRev(revision)}
		if revision != 0 {
			options = append(options, clientv3.WithSerializable())
		}
		ctx, cancel := context.WithTimeout(context.Background(), 5*time.Second)
		r, err := c.Get(ctx, from, options...)
		cancel()
		if err != nil {
			return nil, 0, err
		}
		for _, kv := range r.Kvs {
			have[string(kv.Key)] = string(kv.Value)
		}
		if !r.More {
			return have, r.Header.Revision, nil
		}
		from = string(r.Kvs[len(r.Kvs)-1].Key) + "\x00"
	}
}
