package main

import (
	"errors"
	"path/filepath"
	"sort"
	"strings"
	"time"

	"go.etcd.io/etcd/api/v3/v3rpc/rpctypes"
)

type attempt struct {
	At      time.Time `json:"at"`
	Number  int       `json:"number"`
	Seconds float64   `json:"seconds"`
	Error   string    `json:"error"`
}

type judgement struct {
	Name         string    `json:"name"`
	Kind         string    `json:"kind"`
	Puts         int       `json:"puts"`
	Acknowledged int       `json:"acknowledged"`
	Failed       int       `json:"failed"`
	BeforeFirst  int       `json:"beforeFirst"`
	Missing      int       `json:"missing"`
	LongestGaps  []float64 `json:"longestGapsSeconds"`
}

type heldBy struct {
	Endpoint string `json:"endpoint"`
	Read     string `json:"read"`
	Keys     int    `json:"keys"`
	Missing  int    `json:"missing"`
	Error    string `json:"error,omitempty"`
}

type missingKey struct {
	Endpoint string    `json:"endpoint"`
	Read     string    `json:"read"`
	Key      string    `json:"key"`
	Has      *string   `json:"has"` // null: the key is not there
	At       time.Time `json:"acknowledgedAt"`
}

type verdict struct {
	Seconds       float64      `json:"seconds"`
	Puts          int          `json:"puts"`
	Acknowledged  int          `json:"acknowledged"`
	Failed        int          `json:"failed"`
	Missing       int          `json:"missing"`
	PutsPerSecond float64      `json:"putsPerSecond"`
	Revision      int64        `json:"revision"`
	Writers       []judgement  `json:"writers"`
	Phases        []phase      `json:"phases"`
	Endpoints     []heldBy     `json:"endpoints"`
	MissingKeys   []missingKey `json:"missingKeys"`
}

func kindOf(writer string) string { return writer[:strings.LastIndex(writer, "-")] }

// verify reads the log first and etcd after it: whatever the log says is acknowledged must
// then be in etcd, on every endpoint. The writers go on meanwhile.
func verify() {
	files, err := filepath.Glob(filepath.Join(*dir, "*.puts"))
	fail(err)
	if len(files) == 0 {
		fail(errors.New("no log in " + *dir))
	}
	sort.Strings(files)
	v := verdict{MissingKeys: []missingKey{}}
	byWriter, names := map[string][]put{}, []string{}
	before := map[string]int{}
	for _, f := range files {
		name := strings.TrimSuffix(filepath.Base(f), ".puts")
		puts, err := readPuts(f)
		fail(err)
		byWriter[name], before[name] = counted(puts)
		names = append(names, name)
	}

	missing := map[string]map[int]bool{} // by writer: numbers, however many endpoints lack them
	compare := func(held heldBy, have map[string]string, err error) {
		held.Keys = len(have)
		if err != nil {
			held.Error = err.Error()
			v.Endpoints = append(v.Endpoints, held)
			return
		}
		for _, name := range names {
			for _, p := range byWriter[name] {
				if p.err != "" {
					continue
				}
				key := keyOf(name, p.number)
				value, there := have[key]
				if there && value == valueOf(p.number) {
					continue
				}
				held.Missing++
				if missing[name] == nil {
					missing[name] = map[int]bool{}
				}
				missing[name][p.number] = true
				if len(v.MissingKeys) < 20 {
					k := missingKey{Endpoint: held.Endpoint, Read: held.Read, Key: key, At: p.end}
					if there {
						k.Has = &value
					}
					v.MissingKeys = append(v.MissingKeys, k)
				}
			}
		}
		v.Endpoints = append(v.Endpoints, held)
	}

	servers := split()
	var linearizable error
	for _, e := range servers { // the first that answers
		var have map[string]string
		if have, v.Revision, linearizable = read(e, 0); linearizable == nil {
			compare(heldBy{Endpoint: e, Read: "linearizable"}, have, nil)
			break
		}
	}
	if linearizable != nil {
		compare(heldBy{Endpoint: strings.Join(servers, ","), Read: "linearizable"}, nil, linearizable)
	} else {
		for _, e := range servers {
			have, _, err := read(e, v.Revision)
			for again := 0; again < 3 && errors.Is(err, rpctypes.ErrCompacted); again++ { // meanwhile: take a newer revision
				if _, v.Revision, err = read(e, 0); err == nil {
					have, _, err = read(e, v.Revision)
				}
			}
			compare(heldBy{Endpoint: e, Read: "serializable"}, have, err)
		}
	}

	var first, last time.Time
	for _, name := range names {
		puts := byWriter[name]
		j := judgement{Name: name, Kind: kindOf(name), Puts: len(puts), BeforeFirst: before[name], Missing: len(missing[name]),
			LongestGaps: longest(gaps(puts), 5)}
		for _, p := range puts {
			if p.err == "" {
				j.Acknowledged++
			} else {
				j.Failed++
			}
			if first.IsZero() || p.start.Before(first) {
				first = p.start
			}
			if p.end.After(last) {
				last = p.end
			}
		}
		v.Writers = append(v.Writers, j)
		v.Puts += j.Puts
		v.Acknowledged += j.Acknowledged
		v.Failed += j.Failed
		v.Missing += j.Missing
	}
	v.Seconds = round(last.Sub(first).Seconds())
	if v.Seconds > 0 {
		v.PutsPerSecond = round(float64(v.Puts) / v.Seconds)
	}
	v.Phases = phases(readMarks(), byWriter)
	good := v.Missing == 0 && v.Acknowledged > 0
	for _, e := range v.Endpoints {
		good = good && e.Error == ""
	}
	report(v, good)
}
