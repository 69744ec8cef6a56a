package cli_test

import (
	"fmt"
	"net/http"
	"strings"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"tokensweep/audit"
	"tokensweep/okta/oktatest"
)

// everyList are the commands that list an org, and judge or show what they read.
func everyList(t *testing.T) [][]string {
	policy := []string{"--policy", policyFile(t, "rules: [{id: all, when: {id: {present: true}}, then: flag}]")}
	id := oktatest.TokenID(1)
	return [][]string{
		{"tokens", "list"}, append([]string{"run"}, policy...), append([]string{"doctor"}, policy...),
		append([]string{"validate", "--org"}, policy...),
		append([]string{"simulate"}, policy...), append([]string{"explain", id, "--days", "7"}, policy...),
	}
}

func linkTakenAway(t *testing.T) {
	taken := oktatest.Fault{Path: listing, FirstLink: true}
	commandTrial(t, taken).nothingDone(t, audit.Incomplete, "takes Link lines away")
	org := oktatest.Start(oktatest.Config{Credential: canary, Me: oktatest.UserID(9), PageSize: 200,
		Tokens: oktatest.Many(300, time.Now())})
	t.Cleanup(org.Close)
	for _, args := range everyList(t) {
		r := tokensweep(t, org.URL(), args...)
		require.Zero(t, r.code, "%v: %s", args, r.stderr)
	}
	org.Fault(taken)
	for _, args := range everyList(t) {
		r := tokensweep(t, org.URL(), args...)
		require.EqualValues(t, audit.Incomplete, r.code, "%v: %s", args, r.stderr)
		require.Contains(t, r.stdout+r.stderr, "takes Link lines away. Let it pass all of them", "%v", args)
	}
	// An org that doesn't page has no links that could be taken away.
	whole := oktatest.Start(oktatest.Config{Credential: canary, Me: oktatest.UserID(9),
		Tokens: oktatest.Many(300, time.Now())})
	t.Cleanup(whole.Close)
	whole.Fault(taken)
	for _, args := range everyList(t) {
		r := tokensweep(t, whole.URL(), args...)
		require.Zero(t, r.code, "%v: %s", args, r.stderr)
	}
}

func tokenMoves(t *testing.T) {
	const policy = "rules: [{id: all, when: {id: {present: true}}, then: flag}]"
	moving := func(times int) *oktatest.Server {
		org := oktatest.Start(oktatest.Config{Credential: canary, Me: oktatest.UserID(9), PageSize: 10, Offsets: true,
			Tokens: oktatest.Many(31, time.Now())})
		t.Cleanup(org.Close)
		n := 0
		org.Fault(oktatest.Fault{Path: listing, Page: 2, Times: times, Then: func() {
			n++
			org.Update(org.Tokens()[0].ID, func(k *oktatest.Token) { k.Place = fmt.Sprintf("~%09d", n) })
		}})
		return org
	}
	r := tokensweep(t, moving(1).URL(), "run", "--policy", policyFile(t, policy), "--output", "json")
	require.Zero(t, r.code, r.stderr)
	require.Len(t, r.report(t).Findings, 31, "30 came in the first reading, and one twice")
	require.Contains(t, r.stdout, "the list moved while it was read, and was read again: the last of 2 readings "+
		"brought no token twice, and counts")
	for _, args := range everyList(t) {
		r := tokensweep(t, moving(1).URL(), args...)
		require.Zero(t, r.code, "%v: %s", args, r.stderr)
		r = tokensweep(t, moving(0).URL(), args...)
		require.EqualValues(t, audit.Incomplete, r.code, "%v: %s", args, r.stderr)
		require.Contains(t, strings.Join(strings.Fields(r.stdout+r.stderr), " "),
			"the list moved each of 3 times that it was read", "%v", args)
	}

	w := newCommandWorld(t)
	cfg := matrixOrg(time.Now())
	cfg.Offsets = true
	w.org = oktatest.Start(cfg)
	t.Cleanup(w.org.Close)
	n := 0
	w.org.Fault(oktatest.Fault{Path: listing, Page: 2, Then: func() {
		n++
		w.org.Update(w.org.Tokens()[0].ID, func(k *oktatest.Token) { k.Place = fmt.Sprintf("~%09d", n) })
	}})
	w.run(matrixPolicy).nothingDone(t, audit.Incomplete, "the list moved each of 3 times that it was read")
	w.org.ClearFaults()
	w.run(matrixPolicy).done(t, allDone...)
}

func dripsForEver(t *testing.T) {
	inBubble(t, asItIs, func(w *bubbleWorld) {
		w.deadline = 10 * time.Minute
		w.org.Fault(oktatest.Fault{Path: listing, Page: 2,
			Drip: 50 * time.Second}) // a call alone would be given up after fifteen minutes
		began := time.Now()
		o := w.run(matrixPolicy)
		o.nothingDone(w.t, audit.Incomplete,
			"the run was interrupted: its deadline has passed: it may take 10m0s (--deadline)")
		require.Equal(w.t, 10*time.Minute, time.Since(began))
		w.org.ClearFaults()

		w.deadline = time.Minute
		w.org.Fault(oktatest.Fault{Method: http.MethodGet, Path: listing + "/" + oktatest.TokenID(2),
			Drip: 50 * time.Second})
		o = w.run(matrixPolicy)
		require.Equal(w.t, audit.Halted, o.code, o.text)
		require.Equal(w.t, allDone[:1], o.changes, "and what came of it is known")
		require.Contains(w.t, o.text, "its deadline has passed: it may take 1m0s (--deadline): what is left stays due")
		require.Equal(w.t, []string{"revoked", "held"}, []string{o.of["dead-1"], o.of["quiet-1"]})
		w.org.ClearFaults()
		w.run(matrixPolicy).done(w.t, allDone[1], "DELETE "+oktatest.TokenID(3))
	})
	w := newCommandWorld(t, oktatest.Fault{Path: listing, Page: 2, Drip: time.Second})
	r := tokensweep(t, w.org.URL(), "run", "--policy",
		policyFile(t, "rules: [{id: all, when: {id: {present: true}}, then: flag}]"), "--deadline", "1s", "--output",
		"json")
	require.EqualValues(t, audit.Incomplete, r.code, r.stderr)
	require.Contains(t, r.stdout, "its deadline has passed: it may take 1s (--deadline)")
	for _, command := range []string{"run", "serve"} {
		for _, wrong := range []string{"0", "-1m"} {
			r := tokensweep(t, w.org.URL(), command, "--deadline", wrong)
			require.EqualValues(t, audit.Usage, r.code)
			require.Contains(t, r.stderr, "want a time such as 55m0s")
		}
	}
}
