package main

import (
	"math"
	"sort"
	"time"
)

// A gap lies between the ends of two acknowledged puts of one writer. What came before the
// first one is no gap: the cluster was not there yet. If the last put failed, the gap is
// still open and counts up to that put's end.
type gap struct{ from, to time.Time }

func (g gap) seconds() float64 { return round(g.to.Sub(g.from).Seconds()) }

func round(s float64) float64 { return math.Round(s*1000) / 1000 }

// counted drops the failures before the first acknowledged put.
func counted(puts []put) (rest []put, dropped int) {
	for i, p := range puts {
		if p.err == "" {
			return puts[i:], i
		}
	}
	return nil, len(puts)
}

func gaps(puts []put) (list []gap) {
	var last time.Time
	for _, p := range puts {
		if p.err != "" {
			continue
		}
		if !last.IsZero() {
			list = append(list, gap{last, p.end})
		}
		last = p.end
	}
	if n := len(puts); n > 0 && puts[n-1].err != "" && !last.IsZero() {
		list = append(list, gap{last, puts[n-1].end})
	}
	return list
}

func longest(list []gap, n int) []float64 {
	all := []float64{}
	for _, g := range list {
		all = append(all, g.seconds())
	}
	sort.Sort(sort.Reverse(sort.Float64Slice(all)))
	return all[:min(n, len(all))]
}

// madeOf is what a gap is made of: the puts that ended in it, the acknowledged one that closed it being the last.
func madeOf(g gap, puts []put) (list []attempt) {
	for _, p := range puts {
		if p.end.After(g.from) && !p.end.After(g.to) {
			list = append(list, attempt{p.start, p.number, round(p.end.Sub(p.start).Seconds()), p.err})
		}
	}
	return list[:min(len(list), 20)]
}

// A phase runs from one mark to the next; the first, "start", from the first acknowledged put.
// A gap belongs to every phase it reaches into, with its whole length.
type phase struct {
	Name         string               `json:"name"`
	From         time.Time            `json:"from"`
	To           time.Time            `json:"to"`
	Puts         int                  `json:"puts"`
	Failed       int                  `json:"failed"`
	LongestGap   map[string]float64   `json:"longestGapSeconds"`
	LongestPuts  map[string][]attempt `json:"longestGapPuts"`
	FailedByKind map[string]int       `json:"failedByKind"`
}

func phases(marks []mark, byWriter map[string][]put) (list []phase) {
	var first, last time.Time
	for _, puts := range byWriter {
		if len(puts) == 0 {
			continue
		}
		if s := puts[0].start; first.IsZero() || s.Before(first) {
			first = s
		}
		if e := puts[len(puts)-1].end; e.After(last) {
			last = e
		}
	}
	marks = append([]mark{{first, "start"}}, marks...)
	for i, m := range marks {
		p := phase{Name: m.name, From: m.at, To: last, LongestGap: map[string]float64{},
			LongestPuts: map[string][]attempt{}, FailedByKind: map[string]int{}}
		if i+1 < len(marks) {
			p.To = marks[i+1].at
		}
		for writer, puts := range byWriter {
			kind := kindOf(writer)
			for _, put := range puts {
				if put.start.Before(p.From) || (i+1 < len(marks) && !put.start.Before(p.To)) {
					continue
				}
				p.Puts++
				if put.err != "" {
					p.Failed++
					p.FailedByKind[kind]++
				}
			}
			for _, g := range gaps(puts) {
				if g.from.Before(p.To) && g.to.After(p.From) && g.seconds() > p.LongestGap[kind] {
					p.LongestGap[kind], p.LongestPuts[kind] = g.seconds(), madeOf(g, puts)
				}
			}
		}
		list = append(list, p)
	}
	return list
}
