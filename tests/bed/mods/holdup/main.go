// An HTTP/2 proxy without TLS that keeps requests of one kind for a while before it hands them on. Their callers get no
// answer and give up; the server does what it was asked when nobody waits for it any more.
package main

import (
	"bytes"
	"context"
	"flag"
	"io"
	"log"
	"net/http"
	"net/http/httputil"
	"strings"
	"time"
)

func main() {
	listen := flag.String("listen", "", "address to listen on, as 127.0.0.1:9331")
	to := flag.String("to", "", "the server's address, as 10.0.0.7:2379")
	method := flag.String("method", "", "what a kept request's path ends with, as /MemberRemove")
	keep := flag.Duration("keep", 15*time.Second, "for how long")
	flag.Parse()
	if *listen == "" || *to == "" || *method == "" {
		log.Fatal("usage: holdup -listen ADDRESS -to ADDRESS -method NAME [-keep DURATION]")
	}
	var protocols http.Protocols
	protocols.SetUnencryptedHTTP2(true)
	transport := &http.Transport{Protocols: &protocols}
	passes := &httputil.ReverseProxy{
		Rewrite: func(r *httputil.ProxyRequest) {
			r.Out.URL.Scheme, r.Out.URL.Host = "http", *to
			r.Out.Host = r.In.Host
		},
		Transport:     transport,
		FlushInterval: -1,
	}
	late := func(r *http.Request, body []byte) {
		r.URL.Scheme, r.URL.Host, r.RequestURI = "http", *to, ""
		r.Body, r.ContentLength = io.NopCloser(bytes.NewReader(body)), int64(len(body))
		answer, err := transport.RoundTrip(r)
		if err != nil {
			log.Printf("late %s: %v", r.URL.Path, err)
			return
		}
		defer answer.Body.Close()
		_, err = io.Copy(io.Discard, answer.Body)
		log.Printf("late %s: status %q %v", r.URL.Path, answer.Trailer.Get("Grpc-Status")+answer.Header.Get("Grpc-Status"), err)
	}
	handler := func(w http.ResponseWriter, r *http.Request) {
		if !strings.HasSuffix(r.URL.Path, *method) {
			passes.ServeHTTP(w, r)
			return
		}
		body, err := io.ReadAll(r.Body)
		log.Printf("kept %s: %d bytes, %v", r.URL.Path, len(body), err)
		kept := r.Clone(context.Background())
		kept.Header.Del("Grpc-Timeout") // its caller's, long over by then
		time.AfterFunc(*keep, func() { late(kept, body) })
		<-r.Context().Done()
	}
	server := &http.Server{Addr: *listen, Handler: http.HandlerFunc(handler), Protocols: &protocols}
	log.Fatal(server.ListenAndServe())
}
