package daemon

import (
	"fmt"
	"net/http"
)

// Handler answers /healthz as long as the process does, /readyz as Ready says, and /metrics by metrics.
func (d *Daemon) Handler(metrics http.Handler) http.Handler {
	mux := http.NewServeMux()
	mux.HandleFunc("GET /healthz", func(w http.ResponseWriter, _ *http.Request) { say(w, nil) })
	mux.HandleFunc("GET /readyz", func(w http.ResponseWriter, _ *http.Request) { say(w, d.Ready()) })
	mux.Handle("GET /metrics", metrics)
	return mux
}

// say answers ok, or 503 with what is wrong.
func say(w http.ResponseWriter, wrong error) {
	w.Header().Set("Content-Type", "text/plain; charset=utf-8")
	w.Header().Set("X-Content-Type-Options", "nosniff")
	if wrong != nil {
		w.WriteHeader(http.StatusServiceUnavailable)
		_, _ = fmt.Fprintln(w, wrong)
		return
	}
	_, _ = fmt.Fprintln(w, "ok")
}
