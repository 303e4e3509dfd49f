package main

import (
	"crypto/tls"
	"crypto/x509"
	"errors"
	"os"
	"strings"
	"time"

	clientv3 "go.etcd.io/etcd/client/v3"
	"go.uber.org/zap"
	"google.golang.org/grpc"
	"google.golang.org/grpc/backoff"
)

// client is what a careful application has: keep-alives as the API server's are, else the
// library's defaults, but for two. A new attempt to connect is made after 3 s at the latest
// (default: 2 min) and given up after 1 s (20 s), so that a long outage that is part of a
// story does not go on in the clients for minutes after it ended.
func client(endpoints ...string) (*clientv3.Client, error) {
	config := clientv3.Config{
		Endpoints:            endpoints,
		DialKeepAliveTime:    10 * time.Second,
		DialKeepAliveTimeout: 3 * time.Second,
		Logger:               zap.NewNop(),
		Username:             os.Getenv("WRITER_USER"),
		Password:             os.Getenv("WRITER_PASSWORD"),
		DialOptions: []grpc.DialOption{grpc.WithConnectParams(grpc.ConnectParams{
			Backoff:           backoff.Config{BaseDelay: time.Second, Multiplier: 1.6, Jitter: 0.2, MaxDelay: 3 * time.Second},
			MinConnectTimeout: time.Second,
		})},
	}
	if config.Username != "" {
		config.DialTimeout = time.Second // it asks for a token at once
	}
	if *cacert != "" {
		config.TLS = handshake()
	}
	return clientv3.New(config)
}

// handshake reads the files whenever a connection is made, as a mounted Secret may appear or
// change at any time; that is why the check of the server is our own, and not left out.
func handshake() *tls.Config {
	config := &tls.Config{
		InsecureSkipVerify: true,
		VerifyConnection: func(state tls.ConnectionState) error {
			pem, err := os.ReadFile(*cacert)
			if err != nil {
				return err
			}
			options := x509.VerifyOptions{DNSName: state.ServerName, Roots: x509.NewCertPool(), Intermediates: x509.NewCertPool()}
			if !options.Roots.AppendCertsFromPEM(pem) {
				return errors.New(*cacert + ": no certificate in it")
			}
			for _, c := range state.PeerCertificates[1:] {
				options.Intermediates.AddCert(c)
			}
			_, err = state.PeerCertificates[0].Verify(options)
			return err
		},
	}
	if *cert != "" {
		config.GetClientCertificate = func(*tls.CertificateRequestInfo) (*tls.Certificate, error) {
			pair, err := tls.LoadX509KeyPair(*cert, *key)
			return &pair, err
		}
	}
	return config
}

func split() []string {
	list := strings.FieldsFunc(*endpoints, func(r rune) bool { return r == ',' })
	if len(list) == 0 {
		fail(errors.New("-endpoints: none given"))
	}
	return list
}
