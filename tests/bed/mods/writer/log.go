package main

import (
	"bufio"
	"fmt"
	"os"
	"path/filepath"
	"sort"
	"strconv"
	"strings"
	"time"
)

// A put as it stands in the log of its writer, KIND-INDEX.puts: number, start, end (unix
// seconds), and "ok" or the error. A mark is a time and a name in the file "marks".
type put struct {
	number     int
	start, end time.Time
	err        string // empty: acknowledged
}

type mark struct {
	at   time.Time
	name string
}

func seconds(t time.Time) string { return strconv.FormatFloat(float64(t.UnixMicro())/1e6, 'f', 6, 64) }

func instant(s string) (time.Time, error) {
	f, err := strconv.ParseFloat(s, 64)
	return time.UnixMicro(int64(f * 1e6)).UTC(), err
}

func (p put) String() string {
	outcome := "ok"
	if p.err != "" {
		outcome = "failed " + strings.ReplaceAll(p.err, "\n", " ")
	}
	return fmt.Sprintf("%d %s %s %s", p.number, seconds(p.start), seconds(p.end), outcome)
}

func (m mark) String() string { return seconds(m.at) + " " + m.name }

func parsePut(line string) (p put, err error) {
	f := strings.SplitN(line, " ", 4)
	if len(f) != 4 {
		return p, fmt.Errorf("not a log line: %q", line)
	}
	if p.number, err = strconv.Atoi(f[0]); err != nil {
		return p, err
	}
	if p.start, err = instant(f[1]); err != nil {
		return p, err
	}
	if p.end, err = instant(f[2]); err != nil {
		return p, err
	}
	p.err = strings.TrimPrefix(f[3], "failed ")
	if f[3] == "ok" {
		p.err = ""
	}
	return p, nil
}

// lines gives the file's whole lines; a last one without its end is still being written.
func lines(path string, each func(string) error) error {
	f, err := os.Open(path)
	if err != nil {
		return err
	}
	defer f.Close()
	for r := bufio.NewReader(f); ; {
		line, err := r.ReadString('\n')
		if err != nil {
			return nil
		}
		if err := each(strings.TrimSuffix(line, "\n")); err != nil {
			return fmt.Errorf("%s: %w", path, err)
		}
	}
}

func readPuts(path string) (puts []put, err error) {
	err = lines(path, func(line string) error {
		p, err := parsePut(line)
		puts = append(puts, p)
		return err
	})
	return puts, err
}

func readMarks() (marks []mark) {
	lines(filepath.Join(*dir, "marks"), func(line string) error { // none is no error
		at, name, _ := strings.Cut(line, " ")
		t, err := instant(at)
		marks = append(marks, mark{t, name})
		return err
	})
	sort.SliceStable(marks, func(i, j int) bool { return marks[i].at.Before(marks[j].at) })
	return marks
}

// appendLine writes the line in one call, so that a reader sees it whole or not at all.
func appendLine(path, line string) error {
	f, err := os.OpenFile(path, os.O_CREATE|os.O_APPEND|os.O_WRONLY, 0o644)
	if err != nil {
		return err
	}
	defer f.Close()
	_, err = f.WriteString(line + "\n")
	return err
}
