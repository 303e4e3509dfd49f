package main

import (
	"context"
	"fmt"
	"math/rand/v2"
	"net/http"
	"os"
	"os/signal"
	"path/filepath"
	"sync"
	"sync/atomic"
	"syscall"
	"time"

	clientv3 "go.etcd.io/etcd/client/v3"
)

// A writer's key and value: the value is the number, so that a key with another value shows.
func keyOf(writer string, n int) string { return fmt.Sprintf("%s%s/%08d", *prefix, writer, n) }
func valueOf(n int) string              { return fmt.Sprint(n) }

// run starts the writers and returns at TERM, when each has logged its last put.
func run() {
	servers := split()
	fail(os.MkdirAll(*dir, 0o755))
	stop, cancel := signal.NotifyContext(context.Background(), syscall.SIGTERM, syscall.SIGINT)
	defer cancel()
	var all sync.WaitGroup
	var unheard atomic.Int32 // writers without an acknowledged put
	unheard.Store(int32(*lasting + *fresh))

	http.HandleFunc("/readyz", func(w http.ResponseWriter, _ *http.Request) {
		if n := unheard.Load(); n > 0 {
			http.Error(w, fmt.Sprintf("%d writers have no put acknowledged yet", n), http.StatusServiceUnavailable)
		}
	})
	go func() { fail(http.ListenAndServe(*ready, nil)) }()

	start := func(kind string, i int, each time.Duration) {
		all.Go(func() {
			write(stop, fmt.Sprintf("%s-%d", kind, i), kind == "fresh", servers, each, func() { unheard.Add(-1) })
		})
	}
	for i := range *lasting {
		start("lasting", i, *every)
	}
	for i := range *fresh {
		start("fresh", i, *freshEvery)
	}
	all.Wait()
}

// write is one writer. A process that is started again goes on behind its last logged put; the
// one that was on its way when it died is put again with the same value.
func write(stop context.Context, name string, renew bool, servers []string, each time.Duration, heard func()) {
	path := filepath.Join(*dir, name+".puts")
	before, _ := readPuts(path)
	n := 1
	if len(before) > 0 {
		n = before[len(before)-1].number + 1
	}
	file, err := os.OpenFile(path, os.O_CREATE|os.O_APPEND|os.O_WRONLY, 0o644)
	fail(err)
	defer file.Close()

	var c *clientv3.Client
	acknowledged := false
	for ; stop.Err() == nil; n++ {
		p := put{number: n, start: time.Now()}
		// Until its first acknowledged put a lasting writer takes a new client too: the cluster
		// is not there yet, and waiting for the old one's next attempt to connect tells nothing.
		if c != nil && (renew || !acknowledged) {
			c.Close()
			c = nil
		}
		if c == nil {
			c, err = client(servers...)
		}
		if err == nil {
			ctx, cancel := context.WithTimeout(context.Background(), *timeout)
			_, err = c.Put(ctx, keyOf(name, n), valueOf(n))
			cancel()
		}
		p.end = time.Now()
		if err != nil {
			p.err = err.Error()
			err = nil
		} else if !acknowledged {
			acknowledged = true
			heard()
		}
		_, failed := file.WriteString(p.String() + "\n")
		fail(failed)
		pause := each - time.Since(p.start)
		if p.err != "" && !acknowledged {
			pause = max(pause, 100*time.Millisecond+rand.N(50*time.Millisecond))
		}
		if pause > 0 {
			time.Sleep(pause)
		}
	}
	if c != nil {
		c.Close()
	}
}

// load makes a database big; values do not compress.
func load() {
	c, err := client(split()...)
	fail(err)
	var all sync.WaitGroup
	slots := make(chan struct{}, 16)
	for i := range *number {
		slots <- struct{}{}
		all.Go(func() {
			defer func() { <-slots }()
			value := make([]byte, *size)
			source := rand.New(rand.NewPCG(uint64(i), 1))
			for j := range value {
				value[j] = byte(source.Uint32())
			}
			for try := 0; ; try++ {
				_, err := c.Put(context.Background(), fmt.Sprintf("load/%08d", i), string(value))
				if err == nil {
					return
				}
				if try == 4 {
					fail(err)
				}
			}
		})
	}
	all.Wait()
	fmt.Printf("{\"keys\":%d,\"bytes\":%d}\n", *number, *number**size)
}
