package cluster_test

import (
	"context"
	"crypto/tls"
	"errors"
	"io"
	"net/http"
	"os"
	osexec "os/exec"
	"testing"
	"time"

	"k8s.io/apimachinery/pkg/util/remotecommand"
	streaming "k8s.io/cri-streaming/pkg/streaming/remotecommand"
	"k8s.io/utils/exec"
)

// kubelet is the part of a kubelet's API that the API server sends kubectl logs and kubectl exec to.
func (n *node) kubelet() http.Handler {
	mux := http.NewServeMux()
	mux.HandleFunc("GET /containerLogs/{namespace}/{pod}/{container}", func(w http.ResponseWriter, r *http.Request) {
		p := n.find(r.PathValue("namespace"), r.PathValue("pod"))
		if p == nil { // which the API server passes on, as a real kubelet's answer
			http.Error(w, "container is waiting to start: ContainerCreating", http.StatusBadRequest)
			return
		}
		if err := p.copyLog(r.Context(), w, r.FormValue("follow") == "true"); err != nil {
			n.problems("the log of %s: %v", p.object.Name, err)
		}
	})
	mux.HandleFunc("/exec/{namespace}/{pod}/{container}", func(w http.ResponseWriter, r *http.Request) {
		p := n.find(r.PathValue("namespace"), r.PathValue("pod"))
		options, err := streaming.NewOptions(r)
		if p == nil || p.over() || err != nil {
			http.Error(w, "container not found", http.StatusNotFound)
			return
		}
		streaming.ServeExec(w, r, executor{p}, p.object.Name, "", "", r.Form["command"], options, time.Minute,
			time.Minute, remotecommand.SupportedStreamingProtocols)
	})
	return mux
}

// copyLog copies what the container has printed, and with follow what it prints until it ends.
func (p *pod) copyLog(ctx context.Context, w http.ResponseWriter, follow bool) error {
	log, err := os.Open(p.log)
	if err != nil {
		return err
	}
	defer func() { _ = log.Close() }()
	for {
		over := p.over() // before the rest is read
		if _, err := io.Copy(w, log); err != nil {
			return nil //nolint:nilerr // the reader went away
		}
		_ = http.NewResponseController(w).Flush()
		if over || !follow {
			return nil
		}
		select {
		case <-ctx.Done():
			return nil
		case <-p.done:
		case <-time.After(100 * time.Millisecond):
		}
	}
}

// executor runs a command in the container of a pod.
type executor struct{ pod *pod }

func (e executor) ExecInContainer(_ context.Context, _, _, _ string, line []string, in io.Reader, out,
	errs io.WriteCloser, _ bool, _ <-chan streaming.TerminalSize, _ time.Duration) error {
	cmd := e.pod.command(line)
	cmd.Stdin, cmd.Stdout, cmd.Stderr = in, out, errs
	err := cmd.Run()
	if failed, ok := errors.AsType[*osexec.ExitError](err); ok {
		return exec.CodeExitError{Err: err, Code: failed.ExitCode()}
	}
	return err
}

// transport trusts the API server of a test, whose certificate it has made itself.
func transport(t *testing.T) *http.Transport {
	t.Helper()
	tr := &http.Transport{TLSClientConfig: &tls.Config{InsecureSkipVerify: true}} //nolint:gosec // the test's own
	t.Cleanup(tr.CloseIdleConnections)
	return tr
}
