package okta

import (
	"context"
	"crypto/ecdsa"
	"crypto/elliptic"
	"crypto/rand"
	"crypto/tls"
	"crypto/x509"
	"io"
	"log"
	"math/big"
	"net"
	"net/http"
	"sync"
	"sync/atomic"
	"testing"
	"testing/synctest"
	"time"

	"github.com/stretchr/testify/require"
)

// A connection that dies without a word, as where a NAT has forgotten it, is given up for a new one, with HTTP/2 too:
// net/http by itself gives up the stream alone, and would send all attempts into the same silence.
func TestADeadConnectionIsNotUsedAgain(t *testing.T) {
	for name, protocol := range map[string]string{"HTTP/2": "h2", "HTTP/1.1": "http/1.1"} {
		t.Run(name, func(t *testing.T) {
			synctest.Test(t, func(t *testing.T) {
				org := newSilentOrg(t, protocol)
				c, err := New(Options{OrgURL: "https://acme.okta.com", Token: NewSecret(canary), Dial: org.dial})
				require.NoError(t, err)
				reads := c.conn.reads.Transport.(*http.Transport)
				reads.TLSClientConfig.RootCAs = org.roots
				_, err = c.Me(t.Context())
				require.NoError(t, err)
				require.Equal(t, name, org.proto.Load())
				org.silent.Store(true)
				_, err = c.Me(t.Context())
				require.NoError(t, err)
				require.EqualValues(t, 2, org.dials.Load())
				reads.CloseIdleConnections()
				org.close()
			})
		})
	}
}

// silentOrg serves over pipes with TLS. Once it is silent, nothing passes its first connection any more.
type silentOrg struct {
	roots  *x509.CertPool
	conns  chan net.Conn
	done   chan struct{}
	close  func()
	dials  atomic.Int32
	silent atomic.Bool
	proto  atomic.Value
}

func newSilentOrg(t *testing.T, protocol string) *silentOrg {
	t.Helper()
	cert, roots := certificate(t, "acme.okta.com")
	org := &silentOrg{roots: roots, conns: make(chan net.Conn), done: make(chan struct{})}
	server := &http.Server{
		ErrorLog: log.New(io.Discard, "", 0), TLSConfig: &tls.Config{Certificates: []tls.Certificate{cert},
			NextProtos: []string{protocol}, MinVersion: tls.VersionTLS12},
		Handler: http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
			org.proto.Store(map[int]string{1: "HTTP/1.1", 2: "HTTP/2"}[r.ProtoMajor])
			_, _ = io.WriteString(w, `{"id":"00u00000000000000001"}`)
		}),
	}
	served := make(chan error, 1)
	go func() { served <- server.ServeTLS(org, "", "") }()
	org.close = sync.OnceFunc(func() {
		close(org.done)
		require.NoError(t, server.Close())
		require.Error(t, <-served)
	})
	return org
}

func (o *silentOrg) dial(context.Context, string, string) (net.Conn, error) {
	client, server := net.Pipe()
	first := o.dials.Add(1) == 1
	o.conns <- server
	if first {
		return &mute{Conn: client, silent: &o.silent}, nil
	}
	return client, nil
}

// Accept, Close and Addr make it a net.Listener.
func (o *silentOrg) Accept() (net.Conn, error) {
	select {
	case c := <-o.conns:
		return c, nil
	case <-o.done:
		return nil, net.ErrClosed
	}
}
func (o *silentOrg) Close() error   { return nil }
func (o *silentOrg) Addr() net.Addr { return &net.TCPAddr{} }

// mute is a connection that swallows what is written once it is silent.
type mute struct {
	net.Conn
	silent *atomic.Bool
}

func (m *mute) Write(p []byte) (int, error) {
	if m.silent.Load() {
		return len(p), nil
	}
	return m.Conn.Write(p)
}

func certificate(t *testing.T, name string) (tls.Certificate, *x509.CertPool) {
	t.Helper()
	key, err := ecdsa.GenerateKey(elliptic.P256(), rand.Reader)
	require.NoError(t, err)
	template := &x509.Certificate{SerialNumber: big.NewInt(1), DNSNames: []string{name},
		NotBefore: time.Now().Add(-time.Hour), NotAfter: time.Now().Add(time.Hour), IsCA: true,
		BasicConstraintsValid: true}
	raw, err := x509.CreateCertificate(rand.Reader, template, template, &key.PublicKey, key)
	require.NoError(t, err)
	cert, err := x509.ParseCertificate(raw)
	require.NoError(t, err)
	roots := x509.NewCertPool()
	roots.AddCert(cert)
	return tls.Certificate{Certificate: [][]byte{raw}, PrivateKey: key}, roots
}
