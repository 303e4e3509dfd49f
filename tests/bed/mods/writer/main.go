// writer is the judge of every story: etcd's own Go client, writing all along
// and showing afterwards that no acknowledged put is missing.
//
//	writer run -endpoints URL[,URL]     put numbered keys until stopped; in a pod, this is PID 1
//	writer verify -endpoints URL[,URL]  compare the log with what each endpoint holds; one JSON object
//	writer mark NAME                    note that a phase of the story begins now
//	writer hash -endpoints URL[,URL]    HashKV at one revision, members and statuses; one JSON object
//	writer load -endpoints URL[,URL]    -n keys of -size bytes, to make a database big
//
// All but run are called beside it (kubectl exec) and stop nothing. A failure to judge, or a
// judgement that something is wrong, ends with 1; a wrong call with 2.
package main

import (
	"encoding/json"
	"flag"
	"fmt"
	"os"
	"path/filepath"
	"time"
)

var (
	flags     = flag.NewFlagSet("writer", flag.ExitOnError)
	endpoints = flags.String("endpoints", "", "etcd client URLs, comma-separated")
	cacert    = flags.String("cacert", "", "CA that signed the servers' certificates (read anew at every handshake, as are the next two)")
	cert      = flags.String("cert", "", "client certificate")
	key       = flags.String("key", "", "client key")
	dir       = flags.String("dir", "/log", "the folder of the log")
	prefix    = flags.String("prefix", "writer/", "of every key")

	lasting    = flags.Int("lasting", 4, "run: writers with one client for their whole life")
	fresh      = flags.Int("fresh", 1, "run: writers with a new client for every put")
	every      = flags.Duration("every", 15*time.Millisecond, "run: pause between the starts of two puts of a lasting writer")
	freshEvery = flags.Duration("fresh-every", 50*time.Millisecond, "run: the same of a fresh one")
	timeout    = flags.Duration("timeout", time.Second, "run: of a put, which is never tried again")
	ready      = flags.String("ready", ":8080", "run: address of /readyz, 200 once every writer has had a put acknowledged")

	patience = flags.Duration("patience", 10*time.Second, "verify, hash: how long an endpoint may take to answer and to catch up")
	number   = flags.Int("n", 8000, "load: keys")
	size     = flags.Int("size", 10000, "load: bytes of a value")
)

func fail(err error) {
	if err != nil {
		fmt.Fprintln(os.Stderr, "writer:", err)
		os.Exit(1)
	}
}

// report prints the judgement; good says whether it is one.
func report(v any, good bool) {
	out := json.NewEncoder(os.Stdout)
	out.SetEscapeHTML(false)
	fail(out.Encode(v))
	if !good {
		os.Exit(1)
	}
}

func main() {
	if len(os.Args) < 2 {
		os.Args = append(os.Args, "")
	}
	rest := os.Args[2:]
	if os.Args[1] == "mark" && len(rest) > 0 {
		rest = rest[1:]
	}
	flags.Parse(rest)
	switch os.Args[1] {
	case "run":
		run()
	case "verify":
		verify()
	case "hash":
		hash()
	case "load":
		load()
	case "mark":
		if len(os.Args) < 3 {
			os.Exit(2)
		}
		fail(appendLine(filepath.Join(*dir, "marks"), mark{time.Now(), os.Args[2]}.String()))
	default:
		fmt.Fprintln(os.Stderr, "usage: writer run|verify|hash|load|mark NAME [flags]")
		flags.PrintDefaults()
		os.Exit(2)
	}
}
