package main

import (
	"context"
	"errors"
	"fmt"
	"time"

	"go.etcd.io/etcd/api/v3/v3rpc/rpctypes"
	clientv3 "go.etcd.io/etcd/client/v3"
)

type status struct {
	Version     string   `json:"version"`
	MemberID    string   `json:"memberID"`
	Leader      string   `json:"leader"`
	IsLearner   bool     `json:"isLearner"`
	DBSize      int64    `json:"dbSize"`
	DBSizeInUse int64    `json:"dbSizeInUse"`
	RaftTerm    uint64   `json:"raftTerm"`
	RaftIndex   uint64   `json:"raftIndex"`
	Applied     uint64   `json:"raftAppliedIndex"`
	Revision    int64    `json:"revision"`
	Errors      []string `json:"errors"`
}

type hashed struct {
	Endpoint        string  `json:"endpoint"`
	Hash            uint32  `json:"hash"`
	CompactRevision int64   `json:"compactRevision"`
	Error           string  `json:"error,omitempty"`
	Status          *status `json:"status"`
}

type member struct {
	ID         string   `json:"id"`
	Name       string   `json:"name"`
	PeerURLs   []string `json:"peerURLs"`
	ClientURLs []string `json:"clientURLs"`
	IsLearner  bool     `json:"isLearner"`
}

type comparison struct {
	Equal     bool     `json:"equal"`
	Revision  int64    `json:"revision"`
	Endpoints []hashed `json:"endpoints"`
	Members   []member `json:"members"`
	Error     string   `json:"error,omitempty"`
}

func within(d time.Duration) (context.Context, context.CancelFunc) {
	return context.WithTimeout(context.Background(), d)
}

// hash compares the members' histories up to one revision. A hash covers what lies above the
// compacted revision, so a compaction that is under way makes it look again.
func hash() {
	var r comparison
	for deadline := time.Now().Add(*patience); ; time.Sleep(200 * time.Millisecond) {
		r = compareHashes(split())
		if r.Equal || time.Now().After(deadline) || !r.unsettled() {
			break
		}
	}
	report(r, r.Equal)
}

// unsettled: nothing differs, but not everything could be compared.
func (r comparison) unsettled() bool {
	if r.Error != "" {
		return true
	}
	for _, e := range r.Endpoints {
		if e.Error != "" || e.CompactRevision != r.Endpoints[0].CompactRevision {
			return true
		}
	}
	return false
}

func compareHashes(servers []string) comparison {
	r := comparison{Endpoints: []hashed{}, Members: []member{}}
	for _, e := range servers { // the first that answers says which revision
		if r.Error = r.agree(e); r.Error == "" {
			break
		}
	}
	for _, e := range servers {
		h := hashed{Endpoint: e}
		if err := h.ask(r.Revision); err != nil {
			h.Error = err.Error()
		}
		r.Endpoints = append(r.Endpoints, h)
	}
	r.Equal = r.Error == ""
	for _, h := range r.Endpoints {
		first := r.Endpoints[0]
		r.Equal = r.Equal && h.Error == "" && h.Hash == first.Hash && h.CompactRevision == first.CompactRevision
	}
	return r
}

func (r *comparison) agree(endpoint string) string {
	c, err := client(endpoint)
	if err != nil {
		return err.Error()
	}
	defer c.Close()
	ctx, cancel := within(3 * time.Second)
	defer cancel()
	now, err := c.Get(ctx, "\x00") // linearizable
	if err != nil {
		return err.Error()
	}
	list, err := c.MemberList(ctx)
	if err != nil {
		return err.Error()
	}
	r.Revision = now.Header.Revision
	r.Members = []member{}
	for _, m := range list.Members {
		r.Members = append(r.Members, member{fmt.Sprintf("%x", m.ID), m.Name, m.PeerURLs, m.ClientURLs, m.IsLearner})
	}
	return ""
}

func (h *hashed) ask(revision int64) error {
	c, err := client(h.Endpoint)
	if err != nil {
		return err
	}
	defer c.Close()
	ctx, cancel := within(3 * time.Second)
	defer cancel()
	s, err := c.Status(ctx, h.Endpoint)
	if err != nil {
		return err
	}
	h.Status = &status{s.Version, fmt.Sprintf("%x", s.Header.MemberId), fmt.Sprintf("%x", s.Leader), s.IsLearner,
		s.DbSize, s.DbSizeInUse, s.RaftTerm, s.RaftIndex, s.RaftAppliedIndex, s.Header.Revision, append([]string{}, s.Errors...)}
	for ctx.Err() == nil {
		var answer *clientv3.HashKVResponse
		if answer, err = c.HashKV(ctx, h.Endpoint, revision); err == nil {
			h.Hash, h.CompactRevision = answer.Hash, answer.CompactRevision
			return nil
		}
		if !errors.Is(err, rpctypes.ErrFutureRev) { // behind: it will get there
			return err
		}
		time.Sleep(50 * time.Millisecond)
	}
	return err
}
