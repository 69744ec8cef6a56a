package cluster_test

import (
	"encoding/json"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/stretchr/testify/require"
)

// notRun are kubectl lines that no test runs, and why.
var notRun = map[string]string{
	"kubectl delete -k":  "a part of one, in a sentence that warns of it; what it does is shown in the end",
	"kubectl delete pod": "a part of one, in a sentence that tells what a run does that is told to stop",
}

// scene is what goes with a line, the first or the nth time that it comes: what the paper says in words before it, and
// what must be seen after it.
type scene struct {
	before func(t *testing.T, p *play)
	after  func(t *testing.T, p *play, out string)
}

// play is the papers, played.
type play struct {
	*stage
	release func() // lets a run that is held go on
	seen    string // the ledger, to be seen again
}

// TestEveryKubectlLineOfThePapersWorks runs the kubectl lines of all papers, word by word and in their order.
func TestEveryKubectlLineOfThePapersWorks(t *testing.T) {
	lines := linesOf(t)
	require.Greater(t, len(lines), 25)
	for _, kubectl := range []string{"kubectl", "kubectl-1.32"} {
		t.Run(kubectl, func(t *testing.T) {
			p := &play{stage: newStage(t, startCluster(t))}
			p.kubectl = kubectl
			scenes, ran := p.scenes(), 0
			times := make(map[string]int)
			for _, l := range lines {
				var s scene
				if at := times[l.text]; at < len(scenes[l.text]) {
					s = scenes[l.text][at]
				}
				if times[l.text]++; notRun[l.text] != "" {
					continue
				}
				if s.before != nil {
					s.before(t, p)
				}
				began := time.Now()
				out := p.run(t, l.text)
				t.Logf("%s: %s (%s)\n%s", l.file, l.text, time.Since(began).Round(time.Millisecond), shortened(out))
				if s.after != nil {
					s.after(t, p, out)
				}
				ran++
			}
			for text := range scenes {
				require.GreaterOrEqual(t, times[text], len(scenes[text]), "no paper has %s", text)
			}
			for text := range notRun {
				require.NotZero(t, times[text], "no paper has %s", text)
			}
			p.end(t)
			t.Logf("%d lines of the papers", ran)
		})
	}
}

// What the manifests say in comments is said in a paper, too, where it is run.
func TestThePapersHaveTheKubectlLinesOfTheManifests(t *testing.T) {
	lines := linesOf(t)
	found := remarks(t)
	require.Greater(t, len(found), 2)
	for _, remark := range found {
		require.True(t, slices.ContainsFunc(lines, func(l line) bool {
			return strings.HasPrefix(remark.text, l.text) // the sentence may go on
		}), "%s has: %s", remark.file, remark.text)
	}
}

// shortened is the beginning of each line, and of the text.
func shortened(text string) string {
	lines := strings.Split(text, "\n")
	for i := range lines {
		lines[i] = lines[i][:min(len(lines[i]), 160)]
	}
	return strings.Join(lines[:min(len(lines), 15)], "\n")
}

// last is the last object of a kind in a log, of which each line is an object.
func last(t *testing.T, log, kind string) (found map[string]any) {
	t.Helper()
	for text := range strings.Lines(log) {
		var object map[string]any
		require.NoError(t, json.Unmarshal([]byte(text), &object), "%q", text)
		if object["kind"] == kind {
			found = object
		}
	}
	require.NotNil(t, found, "no %s in %s", kind, log)
	return found
}

// TestLogsShowNothingBeforeTheContainerIsThere is why the paper waits before it asks for a log.
func TestLogsShowNothingBeforeTheContainerIsThere(t *testing.T) {
	s := newStage(t, startCluster(t))
	s.node.hold(unscheduled)
	s.install(t, "dry-run")
	s.run(t, "kubectl -n tokensweep create job --from=cronjob/tokensweep audit-1")
	for _, kubectl := range []string{"kubectl", "kubectl-1.32"} {
		a := s.shell(t, s.tree, kubectl, "kubectl -n tokensweep logs -f --pod-running-timeout=2m job/audit-1")
		require.Equal(t, answer{"", 0}, a, "%s: as if there were a log, and nothing in it", kubectl)
	}
	s.node.hold(pulling)
	eventually(t, func() bool {
		return strings.Contains(s.run(t, "kubectl -n tokensweep get pods"), "ContainerCreating")
	})
	a := s.shell(t, s.tree, "kubectl-1.32", "kubectl -n tokensweep logs -f --pod-running-timeout=2m job/audit-1")
	require.Equal(t, 1, a.code)
	require.Contains(t, a.out, "ContainerCreating")
	s.node.hold(onTime)
	s.complete(t, "audit-1")
}
