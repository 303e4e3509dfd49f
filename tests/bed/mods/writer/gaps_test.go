package main

import (
	"reflect"
	"testing"
	"time"
)

var zero = time.Unix(1_800_000_000, 0).UTC()

func at(seconds float64) time.Time { return zero.Add(time.Duration(seconds * float64(time.Second))) }

func made(outcomes ...any) (puts []put) { // pairs of an end and an error
	for i := 0; i < len(outcomes); i += 2 {
		end := at(outcomes[i].(float64))
		puts = append(puts, put{i/2 + 1, end.Add(-10 * time.Millisecond), end, outcomes[i+1].(string)})
	}
	return puts
}

func TestLogLinesAreReadBackAsWritten(t *testing.T) {
	for _, p := range made(1.5, "", 2.5, "context deadline exceeded", 3.5, "ok") {
		got, err := parsePut(p.String())
		if err != nil || !reflect.DeepEqual(got, p) {
			t.Errorf("%q: %v, %v", p.String(), got, err)
		}
	}
	if _, err := parsePut("1 2"); err == nil {
		t.Error("half a line was taken")
	}
}

func TestWhatCameBeforeTheFirstAcknowledgedPutIsNoGap(t *testing.T) {
	puts, dropped := counted(made(0.0, "refused", 5.0, "refused", 9.0, "", 9.5, "", 10.0, "refused", 12.0, ""))
	if dropped != 2 || !reflect.DeepEqual(longest(gaps(puts), 5), []float64{2.5, 0.5}) {
		t.Error(dropped, longest(gaps(puts), 5))
	}
}

func TestAGapThatIsStillOpenCounts(t *testing.T) {
	if got := longest(gaps(made(1.0, "", 2.0, "refused", 4.0, "refused")), 5); !reflect.DeepEqual(got, []float64{3}) {
		t.Error(got)
	}
}

func TestAGapBelongsToEveryPhaseItReachesInto(t *testing.T) {
	puts := made(1.0, "", 1.1, "", 3.0, "refused", 4.0, "", 4.1, "", 9.0, "")
	got := phases([]mark{{at(2), "restart"}, {at(8), "rest"}}, map[string][]put{"lasting-0": puts})
	want := []float64{2.9, 4.9, 4.9}
	first := []int{3, 6, 6}
	failed := []int{0, 1, 0}
	for i, p := range got {
		if p.LongestGap["lasting"] != want[i] || p.LongestPuts["lasting"][0].Number != first[i] || p.Failed != failed[i] {
			t.Errorf("%+v", p)
		}
	}
	if len(got) != 3 || got[0].Name != "start" || got[1].Name != "restart" {
		t.Errorf("%+v", got)
	}
}
