package cli_test

import (
	"context"
	"crypto/ecdsa"
	"crypto/elliptic"
	"crypto/rand"
	"crypto/tls"
	"crypto/x509"
	"crypto/x509/pkix"
	"encoding/pem"
	"io"
	"log"
	"math/big"
	"net"
	"net/http"
	"os"
	"path/filepath"
	"sync"
	"sync/atomic"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"tokensweep/audit"
)

// authority signs certificates; file holds its own, for SSL_CERT_FILE.
type authority struct {
	cert *x509.Certificate
	key  *ecdsa.PrivateKey
	file string
}

func newAuthority(t *testing.T) *authority {
	t.Helper()
	key, err := ecdsa.GenerateKey(elliptic.P256(), rand.Reader)
	require.NoError(t, err)
	template := &x509.Certificate{
		SerialNumber: big.NewInt(1), Subject: pkix.Name{CommonName: "test authority"},
		NotBefore: time.Now().Add(-time.Hour), NotAfter: time.Now().Add(time.Hour),
		IsCA: true, BasicConstraintsValid: true, KeyUsage: x509.KeyUsageCertSign,
	}
	raw, err := x509.CreateCertificate(rand.Reader, template, template, &key.PublicKey, key)
	require.NoError(t, err)
	cert, err := x509.ParseCertificate(raw)
	require.NoError(t, err)
	a := &authority{cert, key, filepath.Join(t.TempDir(), "authority.pem")}
	require.NoError(t, os.WriteFile(a.file, pem.EncodeToMemory(&pem.Block{Type: "CERTIFICATE", Bytes: raw}), 0o600))
	return a
}

// sign makes a certificate for an address or a name.
func (a *authority) sign(t *testing.T, name string, until time.Time) tls.Certificate {
	t.Helper()
	key, err := ecdsa.GenerateKey(elliptic.P256(), rand.Reader)
	require.NoError(t, err)
	template := &x509.Certificate{SerialNumber: big.NewInt(2), NotBefore: time.Now().Add(-2 * time.Hour),
		NotAfter: until}
	if ip := net.ParseIP(name); ip != nil {
		template.IPAddresses = []net.IP{ip}
	} else {
		template.DNSNames = []string{name}
	}
	raw, err := x509.CreateCertificate(rand.Reader, template, a.cert, &key.PublicKey, a.key)
	require.NoError(t, err)
	return tls.Certificate{Certificate: [][]byte{raw}, PrivateKey: key}
}

// overTLS serves the org of a world with TLS. asked tells what arrived, as protocol and method.
func (w *killWorld) overTLS(t *testing.T, cfg *tls.Config, wrap func(net.Listener) net.Listener) (url string,
	asked func() []string) {
	t.Helper()
	var mu sync.Mutex
	var list []string
	l, err := net.Listen("tcp", "127.0.0.1:0")
	require.NoError(t, err)
	server := &http.Server{ErrorLog: log.New(io.Discard, "", 0), TLSConfig: cfg,
		Handler: http.HandlerFunc(func(rw http.ResponseWriter, r *http.Request) {
			mu.Lock()
			list = append(list, r.Proto+" "+r.Method)
			mu.Unlock()
			w.org.Handler().ServeHTTP(rw, r)
		})}
	go func() { _ = server.ServeTLS(wrap(l), "", "") }()
	t.Cleanup(func() { _ = server.Close() })
	return "https://" + l.Addr().String(), func() []string {
		mu.Lock()
		defer mu.Unlock()
		return list
	}
}

func plainListener(l net.Listener) net.Listener { return l }

func badTLS(t *testing.T) {
	a, other := newAuthority(t), newAuthority(t)
	good := a.sign(t, "127.0.0.1", time.Now().Add(time.Hour))
	for says, cfg := range map[string]*tls.Config{
		"protocol version not supported": {Certificates: []tls.Certificate{good}, MinVersion: tls.VersionTLS10,
			MaxVersion: tls.VersionTLS11},
		"certificate has expired": {
			Certificates: []tls.Certificate{a.sign(t, "127.0.0.1", time.Now().Add(-time.Hour))}},
		"certificate is valid for 127.0.0.2": {
			Certificates: []tls.Certificate{a.sign(t, "127.0.0.2", time.Now().Add(time.Hour))}},
		"certificate signed by unknown authority": {
			Certificates: []tls.Certificate{other.sign(t, "127.0.0.1", time.Now().Add(time.Hour))}},
	} {
		w := newKillWorld(t)
		url, asked := w.overTLS(t, cfg, plainListener)
		p := w.through(t, url, "SSL_CERT_FILE="+a.file)
		require.Equal(t, int(audit.Incomplete), p.code(), p.stderr.String())
		require.Contains(t, p.stderr.String(), says)
		require.NotContains(t, p.stderr.String(), "attempts", "it is not tried again")
		require.Empty(t, asked())
	}
	w := newKillWorld(t)
	url, _ := w.overTLS(t, &tls.Config{Certificates: []tls.Certificate{good}}, plainListener)
	p := w.through(t, url, "SSL_CERT_FILE="+a.file)
	require.Zero(t, p.code(), p.stderr.String())
	require.Len(t, w.changes(), killPerRun)
}

func wrongAddresses(t *testing.T) {
	nowhere := &net.DNSError{Err: "no such host", Name: "acme.okta.com", IsNotFound: true}
	inBubble(t, asItIs, func(w *bubbleWorld) {
		dials := 0
		w.dial = func(context.Context, string, string) (net.Conn, error) { dials++; return nil, nowhere }
		w.run(matrixPolicy).nothingDone(w.t, audit.Incomplete, "no such host")
		require.Equal(w.t, 1, dials)
	})
	inBubble(t, asItIs, func(w *bubbleWorld) {
		dials := 0
		w.dial = func(ctx context.Context, network, address string) (net.Conn, error) {
			if dials++; dials < 4 {
				return nil, &net.DNSError{Err: "server misbehaving", Name: "acme.okta.com", IsTemporary: true}
			}
			return w.org.Dial(ctx, network, address)
		}
		w.run(matrixPolicy).done(w.t, allDone...)
	})
	badTLS(t) // an address of somebody else's
}

// The frames that a server of HTTP/2 sends before it goes away: settings, and that no request was looked at.
const (
	settingsFrame = "\x00\x00\x00\x04\x00\x00\x00\x00\x00"
	goAwayFrame   = "\x00\x00\x08\x07\x00\x00\x00\x00\x00" + "\x00\x00\x00\x00" + "\x00\x00\x00\x00"
	refusedFrame  = "\x00\x00\x04\x03\x00\x00\x00\x00\x01" + "\x00\x00\x00\x07"
)

// http2 lets the first connections be those of a server that goes away, or that refuses the first stream; those after
// them reach the org.
func http2(t *testing.T) {
	a := newAuthority(t)
	cfg := &tls.Config{Certificates: []tls.Certificate{a.sign(t, "127.0.0.1", time.Now().Add(time.Hour))},
		NextProtos: []string{"h2", "http/1.1"}}
	for _, frames := range []string{settingsFrame + goAwayFrame, settingsFrame + refusedFrame + goAwayFrame} {
		w := newKillWorld(t)
		var spoiled atomic.Int32
		url, asked := w.overTLS(t, cfg, func(l net.Listener) net.Listener {
			return &leaving{Listener: l, cfg: cfg, frames: frames, times: 2, spoiled: &spoiled}
		})
		p := w.through(t, url, "SSL_CERT_FILE="+a.file)
		require.Zero(t, p.code(), "%s%s", p.stderr.String(), p.stdout.String())
		require.GreaterOrEqual(t, spoiled.Load(), int32(2))
		seen := make(map[string]int)
		for _, request := range asked() {
			seen[request]++
		}
		require.Positive(t, seen["HTTP/2.0 GET"], "%v", seen)
		require.Equal(t, []int{1, 1, 0, 0}, []int{seen["HTTP/1.1 DELETE"], seen["HTTP/1.1 PUT"],
			seen["HTTP/2.0 DELETE"], seen["HTTP/2.0 PUT"]})
		require.Len(t, w.changes(), 2)
	}
}

// leaving is a listener whose first connections get frames for an answer to their first request, and are closed.
type leaving struct {
	net.Listener
	cfg     *tls.Config
	frames  string
	times   int32
	spoiled *atomic.Int32
}

// Accept implements net.Listener. A client may open a connection that it then has no use for: such a one holds nobody
// up.
func (l *leaving) Accept() (net.Conn, error) {
	for {
		c, err := l.Listener.Accept()
		if err != nil || l.spoiled.Load() >= l.times {
			return c, err
		}
		go l.spoil(tls.Server(c, l.cfg))
	}
}

// spoil waits for the first request, whose head comes in a frame of type 1, and answers.
func (l *leaving) spoil(c net.Conn) {
	defer func() { _ = c.Close() }()
	_ = c.SetDeadline(time.Now().Add(20 * time.Second))
	preface := make([]byte, 24)
	if _, err := io.ReadFull(c, preface); err != nil {
		return
	}
	head := make([]byte, 9)
	for {
		if _, err := io.ReadFull(c, head); err != nil {
			return
		}
		if _, err := io.CopyN(io.Discard, c, int64(head[0])<<16|int64(head[1])<<8|int64(head[2])); err != nil {
			return
		}
		if head[3] == 1 {
			break
		}
	}
	l.spoiled.Add(1)
	_, _ = io.WriteString(c, l.frames)
	_, _ = io.Copy(io.Discard, c) // until the client has gone
}
